// SPDX-License-Identifier: MIT
//
// Reading the URL of a mail server, with libcurl's parser. Messages never show the URL itself:
// there may be a password in it.
#include "net/smtp_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct tls_mode {
    const char *name;
    long tls;
};

static const struct tls_mode tls_modes[] = {
    {"required", CURLUSESSL_ALL},
    {"try", CURLUSESSL_TRY},
    {"never", CURLUSESSL_NONE},
};

static bool refuse(struct tq_err *err, const char *reason)
{
    return tq_err_set(err, TQ_ERR_NET, CURLE_URL_MALFORMAT,
                      "the URL of the mail server %s; expected something like "
                      "smtp://user:password@mail.example:587",
                      reason);
}

/* A part of the URL, for the caller to free(), or NULL. */
static char *get_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    copy = tq_strdup(text);
    curl_free(text);
    return copy;
}

static bool set_tls(const char *name, bool is_smtps, struct tq_smtp_server *server,
                    struct tq_err *err)
{
    for (size_t i = 0; i < sizeof tls_modes / sizeof *tls_modes; i++) {
        if (strcmp(tls_modes[i].name, name) != 0)
            continue;
        if (is_smtps && tls_modes[i].tls != CURLUSESSL_ALL)
            return refuse(err, "says smtps:// and, with tls=, that TLS may be left out");
        server->tls = tls_modes[i].tls;
        return true;
    }
    return refuse(err, "has a tls= that is none of required, try and never");
}

static bool set_option(const char *option, bool is_smtps, struct tq_smtp_server *server,
                       struct tq_err *err)
{
    if (strncmp(option, "tls=", 4) == 0)
        return set_tls(option + 4, is_smtps, server, err);
    if (strncmp(option, "ca=", 3) != 0)
        return refuse(err, "has a query in which there is something else than tls= and ca=");
    free(server->ca_file);

    char *file = curl_easy_unescape(NULL, option + 3, 0, NULL);

    if (file == NULL)
        return refuse(err, "has a ca= that is not percent-encoded");
    server->ca_file = tq_strdup(file);
    curl_free(file);
    return true;
}

static bool set_options(CURLU *url, bool is_smtps, struct tq_smtp_server *server,
                        struct tq_err *err)
{
    char *query = get_part(url, CURLUPART_QUERY, 0), *rest = query, *option;
    bool is_fine = true;

    while (is_fine && (option = strsep(&rest, "&")) != NULL)
        is_fine = *option == '\0' || set_option(option, is_smtps, server, err);
    free(query);
    return is_fine;
}

static bool read_parts(CURLU *url, struct tq_smtp_server *server, struct tq_err *err)
{
    char *scheme = get_part(url, CURLUPART_SCHEME, 0);
    char *host = get_part(url, CURLUPART_HOST, 0);
    char *port = get_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char *password = get_part(url, CURLUPART_PASSWORD, 0);
    bool is_smtps = scheme != NULL && strcmp(scheme, "smtps") == 0;
    bool is_fine = false;

    if (!is_smtps && (scheme == NULL || strcmp(scheme, "smtp") != 0)) {
        (void)refuse(err, "begins with neither smtp:// nor smtps://");
        goto free_parts;
    }
    if (host == NULL || *host == '\0' || port == NULL) {
        (void)refuse(err, "names no host");
        goto free_parts;
    }
    server->name = tq_format("%s:%s", host, port);
    server->tls = is_smtps || password != NULL ? CURLUSESSL_ALL : CURLUSESSL_TRY;
    is_fine = set_options(url, is_smtps, server, err);

free_parts:
    free(password);
    free(port);
    free(host);
    free(scheme);
    return is_fine;
}

bool tq_smtp_server_parse(const char *text, struct tq_smtp_server *server, struct tq_err *err)
{
    CURLU *url = curl_url();
    bool is_fine;

    *server = (struct tq_smtp_server){0};
    if (url == NULL)
        return tq_err_set(err, TQ_ERR_NET, CURLE_OUT_OF_MEMORY, "libcurl is out of memory");
    is_fine = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    if (!is_fine)
        (void)refuse(err, "is not a URL");
    is_fine = is_fine && read_parts(url, server, err);
    if (is_fine) {
        (void)curl_url_set(url, CURLUPART_QUERY, NULL, 0); /* taking a part away cannot fail */
        server->url = get_part(url, CURLUPART_URL, 0);
        is_fine = server->url != NULL || refuse(err, "is not a URL");
    }
    curl_url_cleanup(url);
    if (!is_fine)
        tq_smtp_server_deinit(server);
    return is_fine;
}

void tq_smtp_server_deinit(struct tq_smtp_server *server)
{
    free(server->url);
    free(server->name);
    free(server->ca_file);
    *server = (struct tq_smtp_server){0};
}
