#include "tests/torture/stage.h"

#include "common/clock.h"
#include "common/httpc.h"
#include "common/mem.h"
#include "proxy/app/serve.h"
#include "proxy/decide/signature.h"
#include "proxy/model/settings.h"
#include "tests/model/must.h"
#include "tests/power/disk.h"
#include "tests/torture/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TURN_MS = 5, START_MS = 20000, STOP_MS = 15000, READ_MAX = 16384, SET_BACK_MS = 5 * 3600 * 1000 };

/* ---- opening and closing ---- */

static int listen_anywhere(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) == 0 && listen(fd, 64) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void stage_set(struct stage *stage, const char *format, ...) {
    char *text;
    va_list arguments;
    va_start(arguments, format);
    MUST(vasprintf(&text, format, arguments) >= 0 && stage->setting_count < SETTINGS_MAX);
    va_end(arguments);
    stage->settings[stage->setting_count++] = text;
}

void stage_unset(struct stage *stage, const char *front) {
    size_t kept = 0;
    for (size_t i = 0; i < stage->setting_count; i++) {
        if (strncmp(stage->settings[i], front, strlen(front)) == 0)
            free((char *)(uintptr_t)stage->settings[i]); /* made by stage_set() */
        else
            stage->settings[kept++] = stage->settings[i];
    }
    stage->setting_count = kept;
}

static void make_settings(struct stage *stage) {
    static const char *const names[] = {"legacy", "new"};
    stage_set(stage, "listen=127.0.0.1:0");
    stage_set(stage, "admin.listen=127.0.0.1:0");
    stage_set(stage, "admin.token=t");
    stage_set(stage, "workers=1");
    stage_set(stage, "flags.file=%s", stage->flags_path);
    stage_set(stage, "store.url=sqlite:%s", stage->store_path);
    stage_set(stage, "retry.schedule=20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms,20ms");
    stage_set(stage, "drain_time=100ms");
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        stage->listeners[e] = listen_anywhere(&stage->ports[e]);
        stage_set(stage, "endpoints.%s.timeout=10s", names[e]);
        stage_set(stage, "endpoints.%s.concurrency=4", names[e]);
    }
}

void stage_open(struct stage *stage) {
    const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    *stage = (struct stage){.log_fd = -1};
    snprintf(stage->folder, sizeof stage->folder, "%s/hookshift-torture-XXXXXX", in);
    MUST(mkdtemp(stage->folder) != NULL);
    snprintf(stage->flags_path, sizeof stage->flags_path, "%s/flags.json", stage->folder);
    snprintf(stage->store_path, sizeof stage->store_path, "%s/store.db", stage->folder);
    for (int i = 0; i < PEERS_MAX; i++)
        stage->peers[i].fd = -1;
    stage->plan =
        mmap(NULL, sizeof *stage->plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* all zero */
    MUST(stage->plan != MAP_FAILED);
    make_settings(stage);
    stage_write_flags(stage, true, true);
}

void stage_remove_store(const struct stage *stage) {
    char name[128];
    for (int f = 0; f < DISK_FILES; f++) {
        snprintf(name, sizeof name, "%s%s", stage->store_path, disk_ending((enum disk_file)f));
        unlink(name);
    }
    snprintf(name, sizeof name, "%s-reserve", stage->store_path);
    unlink(name);
}

static void stage_remove_file(const struct stage *stage, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", stage->folder, name);
    unlink(path);
}

void stage_close(struct stage *stage) {
    stage_kill(stage);
    for (int i = 0; i < PEERS_MAX; i++)
        if (stage->peers[i].fd >= 0)
            traffic_end(&stage->peers[i]);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        close(stage->listeners[e]);
    for (size_t i = 0; i < stage->setting_count; i++)
        free((char *)(uintptr_t)stage->settings[i]); /* made by stage_set() */
    for (int i = 0; i < stage->letter_count; i++)
        free(stage->letters[i].body);
    strbuf_clear(&stage->log);
    MUST(munmap(stage->plan, sizeof *stage->plan) == 0);
    stage_remove_store(stage);
    stage_remove_file(stage, "cert.pem");
    stage_remove_file(stage, "key.pem");
    for (size_t i = 0; i < ARRAY_LEN(stage->signs); i++)
        signature_key_free(stage->signs[i]);
    unlink(stage->flags_path);
    rmdir(stage->folder);
}

void stage_write_flags(struct stage *stage, bool legacy, bool new) {
    static const char flag[] = "\"%s\": {\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, "
                               "\"defaultVariant\": \"%s\"}";
    char next[128];
    snprintf(next, sizeof next, "%s.next", stage->flags_path);
    FILE *file = fopen(next, "we");
    MUST(file != NULL);
    fputs("{\"flags\": {", file);
    fprintf(file, flag, "legacy-consumer", legacy ? "on" : "off");
    fputs(", ", file);
    fprintf(file, flag, "new-consumer", new ? "on" : "off");
    fputs("}}", file);
    MUST(fclose(file) == 0 && rename(next, stage->flags_path) == 0);
    if (stage->pid > 0)
        kill(stage->pid, SIGHUP);
}

int stage_add(struct stage *stage, enum generation generation, int occurrence, int after, const char *format, ...) {
    int number = stage->letter_count++;
    char *text;
    va_list arguments;
    va_start(arguments, format);
    MUST(number < LETTERS_MAX && vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    struct letter *letter = &stage->letters[number];
    *letter = (struct letter){.generation = generation, .occurrence = occurrence, .after = after, .body = text};
    snprintf(letter->key, sizeof letter->key, "msg_%d", number);
    return number;
}

/* ---- the proxy ---- */

static int disk_fails(const char *what) {
    if (strcmp(what, "write") == 0)
        return FAULT("disk.full", ENOSPC) ? SQLITE_FULL : FAULT("disk.write", EIO) ? SQLITE_IOERR_WRITE : SQLITE_OK;
    if (strcmp(what, "read") == 0)
        return FAULT("disk.read", EIO) ? SQLITE_IOERR_READ : SQLITE_OK;
    if (strcmp(what, "sync") == 0)
        return FAULT("disk.sync", EIO) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    if (strcmp(what, "truncate") == 0)
        return FAULT("disk.truncate", EIO) ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
    if (strcmp(what, "open") == 0)
        return FAULT("disk.open", EMFILE) ? SQLITE_CANTOPEN : SQLITE_OK;
    return FAULT("disk.delete", EIO) ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

/* Each life delivers to a path of its own: what is read from a connection late tells whose it was. So does the name of
 * the stage, as another proxy of this machine may look for a consumer that had the port before. */
static void set_paths(struct stage *stage) {
    static const char *const names[] = {"legacy", "new"};
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        stage_set(stage, "endpoints.%s.url=http://127.0.0.1:%d/%d/%s", names[e], stage->ports[e], stage->life,
                  strrchr(stage->folder, '/') + 1);
}

static void set_back(int signal_number) {
    (void)signal_number;
    clock_shift_wall_ms(-SET_BACK_MS);
}

/* As `hookshift serve` does. */
static int serve(struct stage *stage) {
    set_paths(stage);
    const struct settings_sources sources = {.assignments = stage->settings, .assignment_count = stage->setting_count};
    const struct opt_problem *problems;
    struct settings settings;
    struct arena *arena = arena_new(0);
    enum err err = settings_load(arena, &sources, &settings, &problems);
    for (; problems != NULL; problems = problems->next)
        fprintf(stderr, "torture: a setting is wrong\n");
    fault_use(stage->plan);
    disk_fail_by(disk_fails);
    clock_shift_wall_ms(stage->clock_shift_ms);
    signal(SIGUSR1, set_back);
    int status = err != ERR_NONE || httpc_global_init() != ERR_NONE ? 2 : serve_run(&settings, NULL, arena);
    httpc_global_clear();
    arena_free(arena);
    return status;
}

static NO_RETURN void be_the_proxy(struct stage *stage, int log_fd) {
    MUST(dup2(log_fd, STDERR_FILENO) >= 0);
    close(log_fd);
    close(stage->log_fd);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        close(stage->listeners[e]);
    for (int i = 0; i < PEERS_MAX; i++)
        if (stage->peers[i].fd >= 0)
            close(stage->peers[i].fd);
    exit(serve(stage)); /* with what the sanitizers do at the end */
}

void stage_set_clock_back(const struct stage *stage) {
    if (stage->pid > 0)
        kill(stage->pid, SIGUSR1);
}

static struct str life_log(const struct stage *stage) {
    return str_from(strbuf_str(&stage->log), stage->log_from);
}

static void read_log(struct stage *stage) {
    char bytes[READ_MAX];
    ssize_t got;
    while (stage->log_fd >= 0 && (got = read(stage->log_fd, bytes, sizeof bytes)) != 0) {
        if (got < 0)
            return; /* nothing more for now */
        strbuf_append(&stage->log, str_slice(bytes, (size_t)got));
    }
    if (stage->log_fd >= 0)
        close(stage->log_fd);
    stage->log_fd = -1;
}

static int port_after(struct str text, const char *what) {
    ptrdiff_t at = str_find(text, str_of(what));
    return at < 0 ? 0 : number_at(text.at + at + strlen(what));
}

static bool is_listening(struct stage *stage) {
    ptrdiff_t at = str_find(life_log(stage), STR(" listening "));
    if (at < 0)
        return false;
    struct str line = str_from(life_log(stage), (size_t)at);
    stage->port = port_after(line, "address=127.0.0.1:");
    stage->admin_port = port_after(line, "admin=127.0.0.1:");
    return stage->port != 0 && stage->admin_port != 0 && str_find(line, STR("\n")) >= 0;
}

bool stage_start(struct stage *stage) {
    int ends[2];
    MUST(pipe2(ends, O_CLOEXEC) == 0);
    stage->life++;
    stage->log_from = stage->log.len;
    stage->log_fd = ends[0];
    MUST(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    stage->pid = fork();
    MUST(stage->pid >= 0);
    if (stage->pid == 0)
        be_the_proxy(stage, ends[1]);
    close(ends[1]);
    if (!stage_until(stage, is_listening, START_MS))
        return false;
    for (int i = 0; i < FAULT_POINTS_MAX && stage->life == 1; i++)
        stage->passed_at_start[i] = atomic_load(&stage->plan->points[i].passed);
    return true;
}

static void note_end(struct stage *stage, int status) {
    stage->pid = 0;
    stage->exit_status = status;
    read_log(stage);
    if (stage->log_fd >= 0)
        close(stage->log_fd);
    stage->log_fd = -1;
}

static bool has_ended(struct stage *stage) {
    int status;
    if (stage->pid == 0)
        return true;
    if (waitpid(stage->pid, &status, WNOHANG) != stage->pid)
        return false;
    note_end(stage, status);
    return true;
}

void stage_kill(struct stage *stage) {
    int status;
    if (stage->pid == 0)
        return;
    kill(stage->pid, SIGKILL);
    MUST(waitpid(stage->pid, &status, 0) == stage->pid);
    note_end(stage, status);
}

static bool never(struct stage *stage) {
    (void)stage;
    return false;
}

bool stage_stop(struct stage *stage) {
    if (stage->pid == 0)
        return true;
    kill(stage->pid, SIGTERM);
    (void)stage_until(stage, never, STOP_MS);
    bool ended = stage->pid == 0;
    stage_kill(stage);
    return ended;
}

/* ---- turning ---- */

static void turn(struct stage *stage) {
    struct pollfd polled[PEERS_MAX + ENDPOINT_COUNT + 1];
    for (int i = 0; i < PEERS_MAX; i++)
        polled[i] = (struct pollfd){stage->peers[i].fd, POLLIN, 0};
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        polled[PEERS_MAX + e] = (struct pollfd){stage->listeners[e], POLLIN, 0};
    polled[PEERS_MAX + ENDPOINT_COUNT] = (struct pollfd){stage->log_fd, POLLIN, 0};
    traffic_send(stage);
    (void)poll(polled, ARRAY_LEN(polled), TURN_MS);
    read_log(stage);
    for (int i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &stage->peers[i];
        if (peer->fd >= 0 && polled[i].revents != 0)
            traffic_serve(stage, peer);
        if (peer->fd >= 0 && clock_mono_us() > peer->ends_us)
            traffic_give_up(stage, peer);
    }
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        if (polled[PEERS_MAX + e].revents != 0)
            traffic_accept(stage, (enum endpoint)e);
}

bool stage_until(struct stage *stage, stage_check_fn *check, int64_t within_ms) {
    int64_t end_us = clock_mono_us() + within_ms * 1000;
    while (!check(stage)) {
        if (has_ended(stage) || clock_mono_us() > end_us)
            return check(stage);
        turn(stage);
    }
    return true;
}

bool stage_all_acked(struct stage *stage) {
    for (int i = 0; i < stage->letter_count; i++)
        if (!stage->letters[i].is_acked)
            return false;
    return true;
}

static bool is_handled(const struct stage *stage, int occurrence) {
    for (int i = 0; i < stage->letter_count; i++)
        if (stage->letters[i].occurrence == occurrence &&
            stage->letters[i].delivered[ENDPOINT_LEGACY] + stage->letters[i].delivered[ENDPOINT_NEW] > 0)
            return true;
    return false;
}

bool stage_all_handled(struct stage *stage) {
    for (int i = 0; i < stage->letter_count; i++)
        if (stage->letters[i].is_acked && !is_handled(stage, stage->letters[i].occurrence))
            return false;
    return true;
}
