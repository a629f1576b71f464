#include "common/notify.h"

#include "common/clock.h"
#include "common/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_MAX = 512 };

/* A path, or with @ at its head a name without a file (unix(7), abstract). False: none, or none that could be. */
static bool find_manager(struct sockaddr_un *address, socklen_t *len) {
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || (name[0] != '/' && name[0] != '@') || strlen(name) >= sizeof address->sun_path)
        return false;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, strlen(name));
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    return true;
}

static void tell(const char *message) {
    struct sockaddr_un address;
    socklen_t len;
    if (!find_manager(&address, &len))
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t sent = sendto(fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)(const void *)&address, len);
    (void)sent; /* a manager that does not take it does its own waiting */
    close(fd);
}

void notify_ready(const char *status) {
    char message[MESSAGE_MAX];
    snprintf(message, sizeof message, "READY=1\nSTATUS=%s\n", status);
    tell(message);
}

void notify_reloading(void) {
    char message[MESSAGE_MAX];
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", clock_mono_us());
    tell(message);
}

void notify_stopping(void) {
    tell("STOPPING=1\n");
}

void notify_watchdog(void) {
    tell("WATCHDOG=1\n");
}

int64_t notify_watchdog_every_ms(void) {
    uint64_t allowed_us, pid;
    if (!str_to_u64(str_of(getenv("WATCHDOG_USEC")), &allowed_us) || allowed_us == 0 || allowed_us > INT64_MAX)
        return 0;
    if (str_to_u64(str_of(getenv("WATCHDOG_PID")), &pid) && pid != (uint64_t)getpid())
        return 0;
    return allowed_us / 2000 > 0 ? (int64_t)(allowed_us / 2000) : 1;
}
