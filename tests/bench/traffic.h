/* The stream of requests: which message is next, written out whole. */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include "proxy/decide/signature.h"
#include "tests/bench/pairs.h"

struct traffic_options {
    const char *host;                /* "127.0.0.1:8080" */
    uint64_t seed;                   /* another seed, other ids */
    bool has_twins;                  /* each occurrence comes as rule and as event; else as one of them */
    const struct signature_key *key; /* signs every message; NULL: none is signed */
};

struct traffic;

/* The set and the options' key and host outlive it. */
struct traffic *traffic_new(const struct pair_set *set, const struct traffic_options *options) MUST_USE;
void traffic_free(struct traffic *traffic);

size_t traffic_request_max(const struct traffic *traffic); /* bytes of the longest request */
/* Writes the next request to `to`, and says how long it is and its body. */
size_t traffic_write_next(struct traffic *traffic, char *to, size_t *body_len);

#endif
