/* The one place where a member of the file is described. The readers ask for members by name; what a reader does not
 * know cannot be in the table, because the test of the table removes and misspells each row's member. */
#include "proxy/decide/catalog_members.h"

#include "common/base.h"

static const struct catalog_member members[] = {
    {SECTION_FILE, "format", "the number 1", true, "the version of this format"},
    {SECTION_FILE, "about", "a text", false, "one line for people: the vendor and its two generations"},
    {SECTION_FILE, "names", "an object", false, "what people call the two generations"},
    {SECTION_FILE, "ids", "a list of names", false,
     "variables that hold ids; facts have them in lower case, so that letter case never parts twins"},
    {SECTION_FILE, "maps", "an object", false,
     "name to an object of the vendor's word to your word; letter case does not count, what is not listed has no "
     "value"},
    {SECTION_FILE, "facts", "an object", false, "name to what a message may state, in the same words on both sides"},
    {SECTION_FILE, "shapes", "a list", true, "how a body's generation and type are seen; the first that fits counts"},
    {SECTION_FILE, "rule", "an object", true, "what all messages of the old generation share"},
    {SECTION_FILE, "event", "an object", true, "what all messages of the new generation share"},
    {SECTION_FILE, "rules", "a list", true, "types of the old generation"},
    {SECTION_FILE, "events", "a list", true, "types of the new generation"},

    {SECTION_FILE, "answers", "an object", false, "what the vendor wants to be answered"},
    {SECTION_FILE, "examples", "a list", false,
     "bodies and pairs that `catalogue test` tries; documentation for people"},
    {SECTION_FILE, "schemes", "an object", false, "name to how a vendor signs, beside the schemes that are built in"},

    {SECTION_SHAPE, "generation", "\"rule\" or \"event\"", true,
     "\"rule\" is the old generation, \"event\" the new one"},
    {SECTION_SHAPE, "type", "a path, or a text with paths in braces", true,
     "where the type stands: \"event.event_type\", \"messages[].event\"; or made of several members: "
     "\"{meta.action}.{meta.entity}\""},
    {SECTION_SHAPE, "with", "a list of paths, or an object", false,
     "a list: one of these must be there too. An object of path to value, or to a list of values: each must have that "
     "value (letter case does not count)"},
    {SECTION_SHAPE, "messages", "a path", false,
     "leads to a list, each element of which is a message of its own: \"messages[]\"; \"[]\" where the body is the "
     "list. "
     "All other paths are written as if the list had one element"},
    {SECTION_SHAPE, "known", "true or false", false, "the type must be listed in the file"},

    {SECTION_FACT, "key", "a text with variables in braces", true,
     "what both sides come to; no fact where a variable has no value. {rule} is the name of the rule type"},
    {SECTION_FACT, "match", "\"exact\", \"window\", \"within\" or \"hint\"", true,
     "exact: the key names one occurrence for ever. window: it recurs, so twins must also be near in time. "
     "within: likewise, and one event tells what several rules told. hint: like "
     "exact, but only where the two messages state no differing facts of one kind (the key up to its first \"/\")"},

    {SECTION_VARIABLE, "from", "a path, or a list of paths", false,
     "the first that leads to a value counts; a path alone may stand in place of the object"},
    {SECTION_VARIABLE, "text", "a text with variables in braces", false,
     "in place of \"from\": made of variables above"},
    {SECTION_VARIABLE, "map", "a name of \"maps\"", false, "the value goes through the map"},
    {SECTION_VARIABLE, "if_absent", "a text", false, "the value where there is none; it does not go through the map"},
    {SECTION_VARIABLE, "if_unmapped", "a text", false, "the value where the map does not list it"},

    {SECTION_SHARED, "variables", "an object", true, "name to where its value stands"},
    {SECTION_SHARED, "type_ends_at", "a text", false,
     "only in \"rule\": what follows it in a type does not count: \"(\" makes \"Ratio(>,0)\" a \"Ratio\""},

    {SECTION_SHARED, "scheme", "a name of a scheme", false,
     "how messages of the generation are signed: standard-webhooks (which it is without this), pagerduty, stripe, "
     "github, or one of \"schemes\""},

    {SECTION_RULE, "name", "a text", true,
     "the type as bodies have it (letter case and spaces do not count); one {x} in it stands for any text and is a "
     "variable: \"{type}\", \"incident.{what}\""},
    {SECTION_RULE, "labels", "a list of texts", false, "further spellings"},
    {SECTION_RULE, "counterpart", "a text with variables in braces", false,
     "the event type that tells the same; a rule without one has no twin"},
    {SECTION_RULE, "variables", "an object", false, "on top of those of all rules"},
    {SECTION_RULE, "facts", "a list of names", false, "what it states"},
    {SECTION_RULE, "body", "an object", false,
     "how its body is written from an event that replaces it: members of texts with that event's variables in braces, "
     "constants, or the forms below; {type} is the type that is written, {arrived} when the source arrived"},

    {SECTION_EVENT, "type", "a text", true,
     "the type as bodies have it; one {x} in it stands for any text and is a variable: \"v1.{type}\""},
    {SECTION_EVENT, "replaces", "a list of names or objects", false,
     "the rules that tell the same; variables may stand in braces where the rule is a pattern: \"{type}\""},
    {SECTION_EVENT, "variables", "an object", false, "on top of those of all events"},
    {SECTION_EVENT, "facts", "a list of names", false, "what it states, where it is one item"},
    {SECTION_EVENT, "body", "an object", false, "how its body is written from a rule that it replaces"},
    {SECTION_EVENT, "items", "an object", false, "where the event tells several things that are handled one by one"},

    {SECTION_REPLACED, "rule", "a text", true, "as in the short form"},
    {SECTION_REPLACED, "if", "an object of one variable and its value", false, "only then is the rule replaced"},
    {SECTION_REPLACED, "write_if", "an object of one variable and its value", false,
     "only then is the rule written from the event; not every event that replaces a rule tells all of it"},

    {SECTION_ITEMS, "list", "a path", true, "leads to the list whose elements are the items"},
    {SECTION_ITEMS, "variables", "an object", true, "read from each element; \"header:\" and \"path:\" work too"},
    {SECTION_ITEMS, "facts", "a list of names", true, "what each element states"},

    {SECTION_BODY, "text", "a text with variables in braces", false,
     "a text alone may stand in place of the object; a variable alone keeps its JSON type"},
    {SECTION_BODY, "from", "a path, or a list of paths", false,
     "the value there, of any type; a path into the list of items means the item at hand"},
    {SECTION_BODY, "last", "a path", false,
     "what the newest stored message of the written type has there, else what translate.values says"},
    {SECTION_BODY, "map", "a name of \"maps\", or an object", false,
     "the value goes through the map; values of an object may be of any type; what is not listed is left out"},
    {SECTION_BODY, "if_absent", "any value", false, "what is written where there is none; else the member is left out"},
    {SECTION_BODY, "not_replaced", "true", false,
     "nothing replaces the member: alone it is left out, beside another form it is written, and it is never compared"},

    {SECTION_SCHEME, "header", "a name of a header", true, "carries the code, or several codes"},
    {SECTION_SCHEME, "signed", "a text", true,
     "what the code is of: {body}, {t} (the time), {id}, {method}, {url} (all of it), {path} (with its query), as in "
     "\"{t}.{body}\""},
    {SECTION_SCHEME, "entry", "a text", false, "a code in the header, \"{code}\" where this is missing: \"v1={code}\""},
    {SECTION_SCHEME, "separator", "one character", false, "between several codes; \",\" where this is missing"},
    {SECTION_SCHEME, "time", "a text", false,
     "where {t}, unix seconds, stands: in an entry of the header (\"t={t}\"), or in another (\"header:X-Timestamp\")"},
    {SECTION_SCHEME, "id", "a text", false, "where {id} stands: \"header:X-Request-Id\""},
    {SECTION_SCHEME, "encoding", "\"hex\" or \"base64\"", false, "of the code; hex where this is missing"},
    {SECTION_SCHEME, "key", "\"text\", \"base64\", \"hex\" or \"whsec\"", false,
     "what the secret is: the key as it is (where this is missing), or written in base64, in hexadecimal digits, or as "
     "whsec_ and base64"},
    {SECTION_SCHEME, "algorithm", "\"hmac-sha256\", \"hmac-sha1\" or \"hmac-sha512\"", false,
     "hmac-sha256 where this is missing"},
    {SECTION_SCHEME, "standard", "true", false, "Standard Webhooks, in place of all else"},

    {SECTION_NAMES, "rule", "a text", false, "one message of the old generation: \"v2 webhook\""},
    {SECTION_NAMES, "event", "a text", false, "one message of the new generation"},

    {SECTION_ANSWERS, "accepted_status", "a number from 200 to 299", false,
     "the one answer that the vendor takes for taken, where not every 2xx is"},
    {SECTION_ANSWERS, "again_later_status", "a number from 400 to 599", false,
     "the answer that makes the vendor send again later; 503 where this is missing"},
    {SECTION_ANSWERS, "other_bodies", "\"refused\" or \"unrecognised\"", false,
     "bodies that are no JSON object (lists, forms, XML): answered 400 (where this is missing), or handled as the "
     "setting `unrecognised` says"},

    {SECTION_EXAMPLE, "old", "a body", false, "of the old generation"},
    {SECTION_EXAMPLE, "new", "a body", false, "of the new generation"},
    {SECTION_EXAMPLE, "twins", "true or false", false, "do both tell of the same occurrence?"},
    {SECTION_EXAMPLE, "apart", "a duration", false,
     "how far apart the two arrive, where the bodies do not both tell when it happened"},
    {SECTION_EXAMPLE, "why", "a text", false, "for people"},
    {SECTION_EXAMPLE, "body", "a body", false, "in place of old and new: what is read of it"},
    {SECTION_EXAMPLE, "generation", "\"rule\", \"event\" or \"unknown\"", false, "of body"},
    {SECTION_EXAMPLE, "type", "a text or null", false, "of body"},
    {SECTION_EXAMPLE, "id", "a text or null", false, "of body"},
    {SECTION_EXAMPLE, "company", "a text or null", false, "of body"},
    {SECTION_EXAMPLE, "connection", "a text or null", false, "of body"},
    {SECTION_EXAMPLE, "data_type", "a text or null", false, "of body"},
    {SECTION_EXAMPLE, "listed", "true or false", false, "is the type of body listed in the file?"},
    {SECTION_EXAMPLE, "rule_id", "a text or null", false, "of body"},
    {SECTION_EXAMPLE, "generated", "a time or null", false, "of body, like 2026-05-01T10:00:00Z"},
    {SECTION_EXAMPLE, "headers", "an object", false, "of the request that brings body, old and new"},
    {SECTION_EXAMPLE, "path", "a text", false, "of that request"},
};

size_t catalog_member_count(void) {
    return ARRAY_LEN(members);
}

const struct catalog_member *catalog_member_at(size_t index) {
    return &members[index];
}

const char *catalog_section_title(enum catalog_section section) {
    static const char *const titles[SECTION_COUNT] = {
        [SECTION_FILE] = "The file",
        [SECTION_SHAPE] = "An element of `shapes`",
        [SECTION_FACT] = "A value in `facts`",
        [SECTION_VARIABLE] = "A value in `variables`",
        [SECTION_SHARED] = "`rule` and `event`",
        [SECTION_RULE] = "An element of `rules`",
        [SECTION_EVENT] = "An element of `events`",
        [SECTION_REPLACED] = "The long form in `replaces`",
        [SECTION_ITEMS] = "`items` of an event",
        [SECTION_BODY] = "A member of a `body` that is an object of one of these",

        [SECTION_SCHEME] = "A value in `schemes`",
        [SECTION_NAMES] = "`names`",
        [SECTION_ANSWERS] = "`answers`",
        [SECTION_EXAMPLE] = "An element of `examples`",
    };
    return titles[section];
}

void catalog_members_write(struct strbuf *out) {
    for (int section = 0; section < SECTION_COUNT; section++) {
        strbuf_printf(out, "%s**%s**\n\n| member | is | means |\n|---|---|---|\n", section > 0 ? "\n" : "",
                      catalog_section_title((enum catalog_section)section));
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
            if ((int)members[i].section == section)
                strbuf_printf(out, "| `%s`%s | %s | %s |\n", members[i].name, members[i].is_required ? " *" : "",
                              members[i].form, members[i].meaning);
    }
}
