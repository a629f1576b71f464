/* `hookshift flags set NAME on|off`. */
#ifndef PROXY_APP_FLAGS_SET_H
#define PROXY_APP_FLAGS_SET_H

/* The exit status; argv[0] is the command in whose name complaints are made, the flag's name follows. */
int flags_set_run(int argc, char **argv);

#endif
