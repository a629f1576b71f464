/* Bodies of one generation written as the other: one body a line, so that the output can be piped. What a body cannot
 * say is an error for that file, and the others are still written. */
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/translate.h"

#include <stdio.h>

static enum err load_catalog(const char *command, const char *path, struct catalog **catalog) {
    struct strbuf problems = {0};
    struct arena *arena = arena_new(0);
    struct str text;
    enum err err = path == NULL ? ERR_NONE : ERR_IO;
    if (path == NULL) {
        *catalog = catalog_builtin();
    } else if (input_read(command, arena, path, &text)) {
        err = catalog_load(text, input_name(path), catalog, &problems);
        fputs(strbuf_str(&problems).at, stderr);
    }
    strbuf_clear(&problems);
    arena_free(arena);
    return err;
}

struct options {
    const char *to, *type, *catalogue;
    struct cli_list values;
    bool explain, as_json;
};

static void print_note(const struct body_note *note) {
    if (note->value.at == NULL)
        printf("  " STR_FMT ": left out (%s%s" STR_FMT ")\n", STR_ARG(note->member), body_source_name(note->source),
               note->detail.len > 0 ? ": " : "", STR_ARG(note->detail));
    else
        printf("  " STR_FMT ": " STR_FMT " (%s%s" STR_FMT ")\n", STR_ARG(note->member), STR_ARG(note->value),
               body_source_name(note->source), note->detail.len > 0 ? ": " : "", STR_ARG(note->detail));
}

static void write_note(struct json_writer *json, const struct body_note *note) {
    json_object_begin(json);
    json_key(json, "member");
    json_str(json, note->member);
    json_key(json, "source");
    json_str(json, str_of(body_source_name(note->source)));
    if (note->detail.len > 0) {
        json_key(json, "detail");
        json_str(json, note->detail);
    }
    if (note->value.at != NULL) {
        json_key(json, "value");
        json_raw(json, note->value);
    }
    json_object_end(json);
}

static void print_json(const struct translation *translation, bool explain) {
    struct strbuf line = {0};
    struct json_writer json;
    json_begin(&json, &line);
    json_object_begin(&json);
    json_key(&json, "generation");
    json_str(&json, str_of(generation_name(translation->generation)));
    json_key(&json, "type");
    json_str(&json, translation->type);
    json_key(&json, "item");
    json_int(&json, translation->item);
    json_key(&json, "body");
    json_raw(&json, translation->body);
    if (explain) {
        json_key(&json, "members");
        json_array_begin(&json);
        for (size_t i = 0; i < translation->notes.count; i++)
            write_note(&json, &translation->notes.items[i]);
        json_array_end(&json);
    }
    json_object_end(&json);
    puts(line.at);
    strbuf_clear(&line);
}

static void print_translation(const struct options *options, const struct translation *translation) {
    if (options->as_json) {
        print_json(translation, options->explain);
        return;
    }
    printf(STR_FMT "\n", STR_ARG(translation->body));
    for (size_t i = 0; options->explain && i < translation->notes.count; i++)
        print_note(&translation->notes.items[i]);
}

static bool translate_file(const char *command, const struct options *options, struct translate_request *request,
                           enum generation to, const char *path) {
    struct arena *arena = arena_new(0);
    struct translations translations;
    struct err_detail detail;
    bool done = false;
    if (!input_read(command, arena, path, &request->body))
        goto out;
    if (translate(request, arena, &translations, &detail) != ERR_NONE) {
        (void)cli_failed(command, "%s: %s", input_name(path), detail.text);
    } else if (translations.source == to) {
        (void)cli_failed(command, "%s: \"" STR_FMT "\" is of the generation %s already", input_name(path),
                         STR_ARG(translations.source_type), generation_name(to));
    } else {
        for (size_t i = 0; i < translations.count; i++)
            print_translation(options, &translations.items[i]);
        done = true;
    }
out:
    arena_free(arena);
    return done;
}

/* --value NAME=VALUE as an object of dotted names; a value that is no JSON is a text. */
static bool read_values(const char *command, const struct options *options, struct arena *arena,
                        const struct json **object) {
    const struct json_limits limits = {.depth = 8, .values = 1000};
    struct strbuf text = {0};
    struct json_writer json;
    json_begin(&json, &text);
    json_object_begin(&json);
    for (size_t i = 0; i < options->values.count; i++) {
        struct str value = str_of(options->values.items[i]);
        ptrdiff_t equals = str_find(value, STR("="));
        struct json *parsed;
        if (equals <= 0) {
            (void)cli_misused(command, "--value must be NAME=VALUE, not \"%s\"", options->values.items[i]);
            strbuf_clear(&text);
            return false;
        }
        json_key_str(&json, str_slice(value.at, (size_t)equals));
        value = str_from(value, (size_t)equals + 1);
        if (json_parse(arena, value, &limits, &parsed, NULL) == ERR_NONE)
            json_raw(&json, value);
        else
            json_str(&json, value);
    }
    json_object_end(&json);
    struct json *root = NULL;
    bool read = json_parse(arena, arena_str(arena, strbuf_str(&text)), &limits, &root, NULL) == ERR_NONE;
    *object = root;
    strbuf_clear(&text);
    return read || cli_misused(command, "--value: the values are too many or too deep") == CLI_OK;
}

static int translate_all(int argc, char **argv, int first, const struct options *options,
                         const struct catalog *catalog) {
    struct arena *arena = arena_new(0);
    struct translate_request request = {.catalog = catalog,
                                        .only_type = options->type == NULL ? STR_NONE : str_of(options->type),
                                        .arrived_ms = -1,
                                        .with_notes = options->explain};
    enum generation to;
    int status = CLI_USAGE;
    if (!generation_parse(str_of(options->to), &to) || to == GENERATION_UNKNOWN) {
        (void)cli_misused(argv[0], "--to must be rule or event, not \"%s\"", options->to);
    } else if (request.only_type.at != NULL && catalog_find(catalog, to, request.only_type) == NULL) {
        (void)cli_misused(argv[0], "--type: the catalogue lists no %s \"%s\"", generation_name(to), options->type);
    } else if (read_values(argv[0], options, arena, &request.settings)) {
        bool all_done = first < argc || translate_file(argv[0], options, &request, to, "-");
        for (int i = first; i < argc; i++)
            all_done &= translate_file(argv[0], options, &request, to, argv[i]);
        status = cli_finish(argv[0], all_done ? CLI_OK : CLI_FAILED);
    }
    arena_free(arena);
    return status;
}

int cmd_translate(int argc, char **argv) {
    struct options options = {0};
    const struct cli_option known[] = {
        {"to", CLI_TEXT, &options.to},           {"type", CLI_TEXT, &options.type},
        {"value", CLI_LIST, &options.values},    {"catalogue", CLI_TEXT, &options.catalogue},
        {"explain", CLI_FLAG, &options.explain}, {"json", CLI_FLAG, &options.as_json}};
    struct catalog *catalog = NULL;
    int first, status = cli_parse(argc, argv, known, ARRAY_LEN(known), &first);
    if (status != CLI_GO_ON)
        goto out;
    if (options.to == NULL) {
        status = cli_misused(argv[0], "--to is missing: rule or event");
        goto out;
    }
    status = CLI_USAGE;
    if (load_catalog(argv[0], options.catalogue, &catalog) == ERR_NONE)
        status = translate_all(argc, argv, first, &options, catalog);
    catalog_free(catalog);
out:
    cli_list_clear(&options.values);
    return status;
}
