#include "proxy/app/cli.h"

#include "proxy/model/settings.h"

#include <stdio.h>

int cmd_settings(int argc, char **argv) {
    bool as_json = false, as_markdown = false;
    const struct cli_option options[] = {{"json", CLI_FLAG, &as_json}, {"markdown", CLI_FLAG, &as_markdown}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (first < argc)
        return cli_misused(argv[0], "takes no arguments");
    if (as_json && as_markdown)
        return cli_misused(argv[0], "writes JSON or Markdown, not both");
    struct strbuf out = {0};
    opt_reference(&out, settings_table(),
                  as_json       ? OPT_FORMAT_JSON
                  : as_markdown ? OPT_FORMAT_MARKDOWN
                                : OPT_FORMAT_TABLE);
    fwrite(out.at, 1, out.len, stdout);
    strbuf_clear(&out);
    return cli_finish(argv[0], CLI_OK);
}
