/* What the load generator is told on its command line. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include "common/base.h"

struct load_options {
    const char *connect, *corpus, *secret; /* address, folder, whsec_...; secret NULL: nothing is signed */
    uint64_t connections, count, seconds;
    uint64_t rate; /* a second; 0: closed loop */
    uint64_t seed, body_len;
    bool has_twins;
    bool rotates; /* connections take turns */
};

/* Ends the program with status 2 where they are wrong, after saying what would be right. */
struct load_options load_options_parse(int argc, char **argv);

#endif
