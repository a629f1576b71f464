/* What the demo tells people, as tables on standard output. */
#ifndef PROXY_APP_DEMO_REPORT_H
#define PROXY_APP_DEMO_REPORT_H

#include "proxy/app/demo_script.h"

/* What can happen, and by what it is told in the old generation and in the new one. */
void demo_report_kinds(const struct demo_script *script);

/* What became of each occurrence. Returns how many were not handled exactly once. */
size_t demo_report_result(const struct demo_script *script);

#endif
