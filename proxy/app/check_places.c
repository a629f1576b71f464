#include "proxy/app/check_places.h"

#include "common/mem.h"
#include "common/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { ROOM_MIB = 64 };

/* A certificate belongs to its key, or both are of no use. */
static bool check_identity(const char *setting, struct str cert, struct str key, struct strbuf *lines) {
    struct tls_context *context = NULL;
    struct err_detail detail;
    if (cert.len == 0 || key.len == 0 || access(cert.at, R_OK) != 0 || access(key.at, R_OK) != 0)
        return true; /* none, or told with the settings */
    if (tls_context_new(cert.at, key.at, &context, &detail) != ERR_NONE) {
        strbuf_printf(lines, "%s: %s\n", setting, detail.text);
        return false;
    }
    tls_context_release(context);
    return true;
}

static bool check_folder(const char *path, const char *folder, struct strbuf *lines) {
    struct stat about;
    if (stat(folder, &about) != 0) {
        strbuf_printf(lines, "store.url: the folder %s of %s: %s; create it\n", folder, path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(about.st_mode)) {
        strbuf_printf(lines, "store.url: %s is no folder, and %s cannot lie in it\n", folder, path);
        return false;
    }
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        strbuf_printf(lines, "store.url: the folder %s is not writable for user %u: %s\n", folder, (unsigned)geteuid(),
                      strerror(errno));
        return false;
    }
    return true;
}

static bool check_file(const char *path, struct strbuf *lines) {
    struct stat about;
    if (stat(path, &about) != 0)
        return true; /* it will be made */
    if (!S_ISREG(about.st_mode)) {
        strbuf_printf(lines, "store.url: %s is not a file\n", path);
        return false;
    }
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0) {
        strbuf_printf(lines, "store.url: %s is not writable for user %u: %s\n", path, (unsigned)geteuid(),
                      strerror(errno));
        return false;
    }
    return true;
}

static void check_room(const char *folder, struct strbuf *lines) {
    struct statvfs about;
    if (statvfs(folder, &about) != 0)
        return;
    unsigned long long free_mib = (unsigned long long)about.f_bavail * about.f_frsize / (1024 * 1024);
    if (free_mib < ROOM_MIB)
        strbuf_printf(lines, "store.url: warning: only %llu MiB are free in %s\n", free_mib, folder);
}

static bool check_store(struct str url, struct strbuf *lines) {
    if (!str_starts_with(url, STR("sqlite:")))
        return true;
    const char *path = url.at + strlen("sqlite:");
    char *copy = mem_strdup(path);
    const char *folder = dirname(copy);
    bool is_good = check_folder(path, folder, lines);
    if (is_good) {
        is_good = check_file(path, lines);
        check_room(folder, lines);
    }
    mem_free(copy);
    return is_good;
}

bool check_places(const struct settings *settings, struct strbuf *lines) {
    const struct endpoint_settings *legacy = &settings->endpoints[ENDPOINT_LEGACY],
                                   *new = &settings->endpoints[ENDPOINT_NEW];
    bool is_good = check_identity("listen.tls", settings->tls_cert_path, settings->tls_key_path, lines);
    is_good &= check_identity("endpoints.legacy.client_cert", legacy->client_cert_path, legacy->client_key_path, lines);
    is_good &= check_identity("endpoints.new.client_cert", new->client_cert_path, new->client_key_path, lines);
    return check_store(settings->store_url, lines) && is_good;
}
