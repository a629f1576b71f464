/* Lists of messages, page by page: as long as wanted, in bounded memory. */
#ifndef PROXY_APP_MESSAGE_PAGES_H
#define PROXY_APP_MESSAGE_PAGES_H

#include "proxy/app/message_list.h"

struct message_pages {
    const char *command;
    const struct admin_client *client;
    const struct message_filter *filter;
    const char *path; /* of the API; its query is the filter's */
    enum list_format format;
};

/* Prints what passes, the newest first: a table of the newest ones, or all of them for programs. CLI_OK and so on. */
int message_pages_print(const struct message_pages *pages);
/* Prints the newest ones, the oldest of them first, and then each message as it comes, until the command is ended. */
int message_pages_follow(const struct message_pages *pages);

#endif
