/* Settings are read at start. This says, when somebody asks for a reload, which were edited since. */
#ifndef PROXY_APP_SETTINGS_WATCH_H
#define PROXY_APP_SETTINGS_WATCH_H

struct settings_watch;

/* Reads the files once more, as they are at the start; `argv` is that of the command, and outlives the watch. */
struct settings_watch *settings_watch_new(int argc, char **argv);
/* Logs what differs from the start, by name and never by value, and mistakes that would keep a restart from starting.
 * From one thread at a time; may wait for the file system. NULL is fine. */
void settings_watch_report(struct settings_watch *watch);
void settings_watch_free(struct settings_watch *watch); /* NULL is fine */

#endif
