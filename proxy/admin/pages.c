/* The page is part of the program: the files of the folder page/, byte for byte. It holds no data of its own, so it is
 * open; what it shows it asks the API for. */
#include "proxy/admin/access.h"
#include "proxy/admin/call.h"

#include "api_js.h"
#include "app_js.h"
#include "dom_js.h"
#include "flow_js.h"
#include "icon_svg.h"
#include "index_html.h"
#include "messages_js.h"
#include "style_css.h"

struct page {
    const char *name, *content_type;
    const unsigned char *bytes;
    const size_t *len;
};

static const char html[] = "text/html; charset=utf-8", css[] = "text/css; charset=utf-8",
                  script[] = "text/javascript; charset=utf-8", svg[] = "image/svg+xml";

static const struct page pages[] = {
    {"", html, index_html, &index_html_len},    {"style.css", css, style_css, &style_css_len},
    {"icon.svg", svg, icon_svg, &icon_svg_len}, {"app.js", script, app_js, &app_js_len},
    {"api.js", script, api_js, &api_js_len},    {"dom.js", script, dom_js, &dom_js_len},
    {"flow.js", script, flow_js, &flow_js_len}, {"messages.js", script, messages_js, &messages_js_len},
};

void admin_page(struct admin_call *call) {
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (str_eq(call->id, str_of(pages[i].name))) {
            answer_text(call->exchange, 200, pages[i].content_type,
                        str_slice((const char *)pages[i].bytes, *pages[i].len));
            return;
        }
    answer_problem(call->exchange, 404, "there is nothing at this path");
}

void admin_access(struct admin_call *call) {
    struct strbuf json = {0};
    strbuf_printf(&json, "{\"token\":\"%s\"}",
                  access_token_state(call->request, call->admin->service->settings->admin_token));
    answer_json(call->exchange, 200, &json);
}
