#include "common/mem.h"
#include "proxy/app/cli.h"

#include <signal.h>

int main(int argc, char **argv) {
    /* A peer that hangs up is an error of one write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    mem_use_one_heap();
    return cli_run(argc, argv);
}
