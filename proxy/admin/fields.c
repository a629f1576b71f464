/* GET /api/fields: field parity without the verdict. */
#include "proxy/admin/call.h"

#include "common/json.h"

void admin_fields(struct admin_call *call) {
    static const char *const known[] = {NULL};
    struct err_detail detail;
    struct strbuf text = {0};
    struct json_writer json;
    if (query_check(&call->query, known, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    json_begin(&json, &text);
    json_object_begin(&json);
    json_key(&json, "types");
    fields_write(&json, call->arena, call->admin->service->fields, call->admin->service->settings);
    json_object_end(&json);
    answer_json(call->exchange, 200, &text);
}
