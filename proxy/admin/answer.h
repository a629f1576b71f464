/* Answers of the admin port. Each ends the exchange, and carries the headers that keep browsers from doing anything
 * with it but what it is for. */
#ifndef PROXY_ADMIN_ANSWER_H
#define PROXY_ADMIN_ANSWER_H

#include "common/httpd.h"

/* Takes the text of the buffer and clears it. */
void answer_json(struct httpd_exchange *exchange, int status, struct strbuf *json);
void answer_text(struct httpd_exchange *exchange, int status, const char *content_type, struct str text);

/* An error as application/problem+json (RFC 9457). */
void answer_problem(struct httpd_exchange *exchange, int status, const char *format, ...) PRINTF_LIKE(3, 4);

/* 405; `methods` is the header Allow. */
void answer_wrong_method(struct httpd_exchange *exchange, const char *methods);

/* The headers of every answer of `content_type`; returns how many were written. */
enum { ANSWER_HEADER_MAX = 12 };
size_t answer_headers(struct http_header *headers, const char *content_type);

#endif
