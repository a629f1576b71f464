/* "Data.platformKey" is ignored in every type, "SyncFailed.Data.syncId" in that one. */
#include "proxy/decide/field_judge.h"

static bool names(struct str item, struct str type, struct str member) {
    if (str_eq_nocase(item, member))
        return true;
    return item.len == type.len + 1 + member.len && item.at[type.len] == '.' &&
           str_eq_nocase(str_slice(item.at, type.len), type) && str_eq_nocase(str_from(item, type.len + 1), member);
}

bool field_is_ignored(const struct settings *settings, struct str type, struct str member) {
    for (size_t i = 0; i < settings->parity_ignore_fields.count; i++)
        if (names(settings->parity_ignore_fields.items[i], type, member))
            return true;
    return false;
}

bool field_is_reason(const struct settings *settings, const struct field_evidence *field) {
    return field->different * 100 > field->compared * (uint64_t)settings->parity_differing &&
           !field_is_ignored(settings, field->type, field->member);
}
