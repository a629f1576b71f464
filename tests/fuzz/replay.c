/* Runs a fuzz target over files and folders, without a fuzzer: so what a fuzzer once found is tested for ever, with
 * every compiler and sanitizer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void replay_file(const char *path, FILE *file) {
    size_t size = 0, room = 1 << 16;
    uint8_t *data = malloc(room);
    for (size_t len; data != NULL && (len = fread(data + size, 1, room - size, file)) > 0;) {
        size += len;
        if (size == room)
            data = realloc(data, room *= 2);
    }
    /* A block of the very size, so that reading past its end is seen. */
    uint8_t *tight = data == NULL ? NULL : realloc(data, size == 0 ? 1 : size);
    if (tight == NULL || ferror(file)) {
        perror(path);
        exit(1);
    }
    LLVMFuzzerTestOneInput(tight, size);
    free(tight);
    replayed++;
}

static void replay(const char *path);

static void replay_folder(const char *path, DIR *dir) {
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char inner[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        replay(inner);
    }
}

static void replay(const char *path) {
    DIR *dir = opendir(path);
    FILE *file = dir == NULL ? fopen(path, "rb") : NULL;
    if (dir != NULL) {
        replay_folder(path, dir);
        closedir(dir);
    } else if (file != NULL) {
        replay_file(path, file);
        fclose(file);
    } else {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%zu inputs replayed\n", replayed);
    return replayed == 0;
}
