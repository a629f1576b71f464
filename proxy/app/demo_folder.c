#include "proxy/app/demo_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static enum err write_flags(const char *path, struct err_detail *detail) {
    static const char text[] =
        "{\n"
        "  \"$schema\": \"https://flagd.dev/schema/v0/flags.json\",\n"
        "  \"flags\": {\n"
        "    \"legacy-consumer\": {\n"
        "      \"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, \"defaultVariant\": \"on\"\n"
        "    },\n"
        "    \"new-consumer\": {\n"
        "      \"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, \"defaultVariant\": \"off\"\n"
        "    }\n"
        "  }\n"
        "}\n";
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    return written ? ERR_NONE : err_set(detail, ERR_IO, "cannot write %s: %s", path, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void demo_folder_remove(const struct demo_folder *folder) {
    if (folder->path[0] != '\0')
        nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

enum err demo_folder_make(struct demo_folder *folder, struct arena *arena, struct err_detail *detail) {
    struct demo_folder made;
    const char *base = getenv("TMPDIR");
    int len = snprintf(made.path, sizeof made.path, "%s/hookshift-demo-XXXXXX", base != NULL ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof made.path)
        return err_set(detail, ERR_LIMIT, "TMPDIR is too long a path");
    if (mkdtemp(made.path) == NULL)
        return err_set(detail, ERR_IO, "cannot make the folder %s: %s", made.path, strerror(errno));
    made.flags_path = arena_printf(arena, "%s/flags.json", made.path);
    made.log_path = arena_printf(arena, "%s/proxy.log", made.path);
    enum err err = write_flags(made.flags_path.at, detail);
    if (err == ERR_NONE)
        *folder = made;
    else
        demo_folder_remove(&made);
    return err;
}
