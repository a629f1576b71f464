/* POST /api/store/backup?path=/var/backups/hookshift.db: a copy of the store while it is in use, answered when it is
 * complete and on the disk. The file is written by the proxy, on its machine, so it takes the token. */
#include "common/json.h"
#include "common/log.h"
#include "proxy/admin/call.h"
#include "proxy/admin/filters.h"
#include "proxy/store/store_copy.h"

#include <sys/stat.h>

struct backup_call {
    struct admin_call *call;
    struct store_copy copy;
};

static int status_of(enum err err) {
    switch (err) {
    case ERR_EXISTS:
    case ERR_BUSY:
        return 409;
    case ERR_INVALID:
    case ERR_DENIED:
        return 400;
    case ERR_LIMIT:
        return 507;
    default:
        return 503;
    }
}

static void on_copied(struct store_copy *copy) {
    struct backup_call *backup = CONTAINER_OF(copy, struct backup_call, copy);
    struct stat file = {0};
    struct strbuf text = {0};
    struct json_writer json;
    if (copy->err != ERR_NONE) {
        LOG(LOG_ERROR, "store was not copied", LOG_TEXTZ("error", copy->detail.text));
        answer_problem(backup->call->exchange, status_of(copy->err), "%s", copy->detail.text);
        return;
    }
    LOG(LOG_INFO, "store copied", LOG_TEXTZ("path", copy->path));
    (void)stat(copy->path, &file);
    json_begin(&json, &text);
    json_object_begin(&json);
    json_key(&json, "path");
    json_str(&json, str_of(copy->path));
    json_key(&json, "bytes");
    json_int(&json, (int64_t)file.st_size);
    json_object_end(&json);
    answer_json(backup->call->exchange, 200, &text);
}

void admin_backup(struct admin_call *call) {
    static const char *const known[] = {"path", "force", NULL};
    struct backup_call *backup = ARENA_NEW(call->arena, struct backup_call);
    struct str path = query_get(&call->query, STR("path"));
    struct err_detail detail;
    bool force = false;
    enum err err = query_check(&call->query, known, &detail);
    if (err == ERR_NONE)
        err = filter_read_bool(&call->query, STR("force"), &force, &detail);
    if (err == ERR_NONE &&
        (!str_starts_with(path, STR("/")) || str_ends_with(path, STR("/")) || memchr(path.at, '\0', path.len) != NULL))
        err = err_set(&detail, ERR_INVALID,
                      "path must be the absolute name of a file, such as /var/backups/hookshift.db");
    backup->call = call;
    backup->copy = (struct store_copy){
        .path = arena_str(call->arena, path).at, .replace = force, .loop = call->admin->loop, .done = on_copied};
    if (err == ERR_NONE)
        err = store_copy_begin(call->admin->service->store, &backup->copy, &detail);
    if (err != ERR_NONE)
        answer_problem(call->exchange, status_of(err), "%s", detail.text);
}
