/* What is wrong with a flag file, as lines of text, and what only the running proxy can tell. */
#ifndef PROXY_APP_FLAG_REPORT_H
#define PROXY_APP_FLAG_REPORT_H

#include "common/err.h"
#include "common/str.h"
#include "proxy/decide/flags.h"

const char *flag_severity_name(enum flag_severity severity); /* "warning", "broken", "refused" */

/* One line for each problem at least as bad as `least`: "FILE:3:14: warning: FLAG: what". */
void flag_problems_write(struct strbuf *out, const char *path, const struct flag_problems *problems,
                         enum flag_severity least);

/* Asks a running proxy, at `url` (--admin) with `token` (or NULL), whether legacy may be switched off, and adds a
 * warning where the file does so, for anybody, while the answer is not yes. Does not ask where the file keeps legacy
 * on. Fails as admin_client_json(). */
enum err flag_report_parity(const struct flags *flags, const char *url, const char *token, struct arena *arena,
                            struct flag_problems *problems, struct err_detail *detail) MUST_USE;

/* What the proxy at `url` says of parity, over `since` (NULL: a day). Errors as admin_client_json(). */
enum err flag_report_ask(const char *url, const char *token, const char *since, struct arena *arena,
                         const struct json **root, struct err_detail *detail) MUST_USE;

/* Adds the evaluations that failed in the proxy at `url` since its start. Errors as admin_client_json(). */
enum err flag_report_failures(const char *url, const char *token, struct arena *arena, struct flag_problems *problems,
                              struct err_detail *detail) MUST_USE;

#endif
