/* The folder of its own that the demo lives in. */
#ifndef PROXY_APP_DEMO_FOLDER_H
#define PROXY_APP_DEMO_FOLDER_H

#include "common/arena.h"
#include "common/err.h"

struct demo_folder {
    char path[256];                  /* empty: there is none */
    struct str flags_path, log_path; /* of files in it */
};

/* Makes it, with a flag file as at the beginning of a migration: legacy on, new off. On an error it is gone again. */
enum err demo_folder_make(struct demo_folder *folder, struct arena *arena, struct err_detail *detail) MUST_USE;
void demo_folder_remove(const struct demo_folder *folder); /* with all that is in it */

#endif
