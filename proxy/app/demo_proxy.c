#include "proxy/app/demo_proxy.h"

#include "common/file.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_MAX = 1 << 20, LAST_WORDS_LEN = 300 };

/* In the child; whoever started it may be gone before prctl() is asked, and then nobody would end it. */
static void become_proxy(pid_t parent, const char *log_path, char **argv) {
    char *no_environment[] = {NULL};
    sigset_t none;
    sigemptyset(&none);
    signal(SIGTERM, SIG_DFL); /* not the demo's handlers, which would swallow what comes before execve() */
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* Ctrl-C is for the demo, which then ends the proxy in order */
    if (getppid() == parent && log >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execve("/proc/self/exe", argv, no_environment);
    _exit(127);
}

enum err demo_proxy_start(struct demo_proxy *proxy, struct arena *arena, struct str log_path,
                          const struct str *settings, size_t count, struct err_detail *detail) {
    char **argv = MEM_ARRAY(2 * count + 3, char *);
    size_t argc = 0;
    argv[argc++] = mem_strdup("hookshift");
    argv[argc++] = mem_strdup("serve");
    for (size_t i = 0; i < count; i++) {
        argv[argc++] = mem_strdup("--set");
        argv[argc++] = mem_strdup(arena_str(arena, settings[i]).at);
    }
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_proxy(parent, log_path.at, argv);
    sigprocmask(SIG_SETMASK, &before, NULL);
    enum err err = pid > 0 ? ERR_NONE : err_set(detail, ERR_IO, "cannot start the proxy: %s", strerror(errno));
    for (size_t i = 0; i < argc; i++)
        mem_free(argv[i]);
    mem_free(argv);
    if (err == ERR_NONE)
        *proxy = (struct demo_proxy){.arena = arena, .log_path = log_path, .pid = pid};
    return err;
}

bool demo_proxy_has_ended(struct demo_proxy *proxy) {
    if (proxy->pid != 0 && waitpid(proxy->pid, &proxy->status, WNOHANG) == proxy->pid)
        proxy->pid = 0;
    return proxy->pid == 0;
}

/* "address=127.0.0.1:8080" in the line of the log that tells both. */
static bool take_address(struct arena *arena, struct str log, struct str key, struct str *address) {
    ptrdiff_t at = str_find(log, key);
    if (at < 0)
        return false;
    struct str rest = str_from(log, (size_t)at + key.len);
    size_t len = 0;
    while (len < rest.len && rest.at[len] != ' ' && rest.at[len] != '\n')
        len++;
    *address = arena_str(arena, str_slice(rest.at, len));
    return len < rest.len; /* else the line is not whole yet */
}

bool demo_proxy_find_addresses(struct demo_proxy *proxy) {
    struct arena *arena = arena_new(0);
    struct str log;
    bool found = file_read(arena, proxy->log_path.at, LOG_MAX, &log, NULL) == ERR_NONE &&
                 take_address(proxy->arena, log, STR(" address="), &proxy->public_address) &&
                 take_address(proxy->arena, log, STR(" admin="), &proxy->admin_address);
    arena_free(arena);
    return found;
}

void demo_proxy_terminate(struct demo_proxy *proxy) {
    if (proxy->pid != 0)
        kill(proxy->pid, SIGTERM);
}

bool demo_proxy_reap(struct demo_proxy *proxy) {
    if (proxy->pid != 0) {
        kill(proxy->pid, SIGKILL);
        waitpid(proxy->pid, &proxy->status, 0);
        proxy->pid = 0;
        return false;
    }
    return WIFEXITED(proxy->status) && WEXITSTATUS(proxy->status) == 0;
}

struct str demo_proxy_last_words(const struct demo_proxy *proxy) {
    struct str log;
    if (proxy->log_path.len == 0 || file_read(proxy->arena, proxy->log_path.at, LOG_MAX, &log, NULL) != ERR_NONE)
        return STR("");
    return str_trim(str_from(log, log.len > LAST_WORDS_LEN ? log.len - LAST_WORDS_LEN : 0));
}
