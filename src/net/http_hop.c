// SPDX-License-Identifier: MIT
//
// A hop: a URL, and what is sent there. Redirects are followed here and not by libcurl, which would
// send a method of our own again without its body, and the caller's headers to any other server.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "net/http_fetch.h"

/* ---- the URL ---- */

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

static void replace(char **text, char *by)
{
    free(*text);
    *text = by;
}

static bool is_http(const char *scheme)
{
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

/* Takes the parts of a parsed URL over; credentials of the hop before stay for the same origin. */
static bool take_url(struct tq_fetch *fetch, CURLU *url, struct tq_err *err)
{
    char *scheme = get_part(url, CURLUPART_SCHEME, 0), *host = get_part(url, CURLUPART_HOST, 0);
    char *port = get_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    bool is_fine = scheme != NULL && host != NULL && port != NULL && is_http(scheme);

    if (is_fine) {
        char *origin = tq_format("%s://%s:%s", scheme, host, port);
        char *user = get_part(url, CURLUPART_USER, CURLU_URLDECODE);

        if (user != NULL || fetch->origin == NULL || strcmp(fetch->origin, origin) != 0) {
            replace(&fetch->user, user);
            replace(&fetch->password, get_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE));
        }
        replace(&fetch->origin, origin);
        (void)curl_url_set(url, CURLUPART_USER, NULL, 0); /* taking a part away cannot fail */
        (void)curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
        replace(&fetch->url, get_part(url, CURLUPART_URL, 0));
    } else {
        (void)tq_err_set(err, TQ_ERR_NET, CURLE_UNSUPPORTED_PROTOCOL,
                         "http: the URL begins with %s://, neither http:// nor https://",
                         scheme != NULL ? scheme : "?");
    }
    free(port);
    free(host);
    free(scheme);
    return is_fine;
}

bool tq_hop_set_url(struct tq_fetch *fetch, const char *text, struct tq_err *err)
{
    CURLU *url = curl_url();
    CURLUcode code = url != NULL ? curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME)
                                 : CURLUE_OUT_OF_MEMORY;
    bool is_fine = code == CURLUE_OK
                       ? take_url(fetch, url, err)
                       : tq_err_set(err, TQ_ERR_NET, CURLE_URL_MALFORMAT,
                                    "http: this is not a URL: %s", curl_url_strerror(code));

    curl_url_cleanup(url);
    return is_fine;
}

/* ---- options ---- */

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static bool has_header(const struct tq_fetch *fetch, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < fetch->header_count; i++) {
        const char *line = fetch->headers[i];

        if (strncasecmp(line, name, len) == 0 && (line[len] == ':' || line[len] == ';'))
            return true;
    }
    return false;
}

/* The caller's headers, without those that libcurl would add. */
static bool make_list(struct tq_fetch *fetch)
{
    curl_slist_free_all(fetch->list);
    fetch->list = NULL;
    for (size_t i = 0; i < fetch->header_count; i++) {
        if (!add_header(&fetch->list, fetch->headers[i]))
            return false;
    }
    /* Waiting for "100 Continue" costs a second with servers that do not say it. */
    return add_header(&fetch->list, "Expect:") &&
           (has_header(fetch, "Content-Type") || add_header(&fetch->list, "Content-Type:")) &&
           (has_header(fetch, "User-Agent") ||
            add_header(&fetch->list, "User-Agent: taskq/" TASKQ_VERSION));
}

static bool set_method(struct tq_fetch *fetch)
{
    CURL *curl = fetch->easy.curl;
    const char *method = fetch->method;
    bool is_post = strcmp(method, "POST") == 0;

    if (strcmp(method, "HEAD") == 0)
        return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (!is_post && !fetch->has_body)
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
    return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body.len) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, tq_buf_text(&fetch->body)) == CURLE_OK &&
           (is_post || curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK);
}

static bool set_trust(struct tq_fetch *fetch)
{
    CURL *curl = fetch->easy.curl;

    return curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           (fetch->ca_file == NULL ||
            (curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK)) &&
           (fetch->user == NULL ||
            curl_easy_setopt(curl, CURLOPT_USERNAME, fetch->user) == CURLE_OK) &&
           (fetch->password == NULL ||
            curl_easy_setopt(curl, CURLOPT_PASSWORD, fetch->password) == CURLE_OK);
}

static bool set_rest(struct tq_fetch *fetch)
{
    CURL *curl = fetch->easy.curl;
    long connect_ms = (long)fetch->request.connect_timeout_ms;

    return curl_easy_setopt(curl, CURLOPT_URL, fetch->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fetch->list) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK && /* all it knows */
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           (fetch->proxy == NULL ||
            curl_easy_setopt(curl, CURLOPT_PROXY, fetch->proxy) == CURLE_OK) &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetch->problem) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           /* else breaking off waits until the resolver's thread has its answer */
           curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
}

bool tq_hop_set_options(struct tq_fetch *fetch, struct tq_err *err)
{
    *fetch->problem = '\0';
    if (make_list(fetch) && set_method(fetch) && set_trust(fetch) && set_rest(fetch))
        return true;
    return tq_err_set(err, TQ_ERR_NET, CURLE_FAILED_INIT, "http: libcurl takes no request to %s",
                      tq_fetch_server(fetch));
}

/* ---- redirects ---- */

static int status_of(const struct tq_fetch *fetch)
{
    long status = 0;

    (void)curl_easy_getinfo(fetch->easy.curl, CURLINFO_RESPONSE_CODE, &status); /* 0: none yet */
    return (int)status;
}

bool tq_hop_is_redirect(const struct tq_fetch *fetch)
{
    int status = status_of(fetch);

    return fetch->request.max_redirects > 0 && fetch->has_location &&
           ((status >= 301 && status <= 303) || status == 307 || status == 308);
}

/* Keeps the headers whose names begin with one of these, or, when is_dropped, the others. */
static void filter_headers(struct tq_fetch *fetch, const char *const *names, bool is_dropped)
{
    size_t kept = 0;

    for (size_t i = 0; i < fetch->header_count; i++) {
        bool is_named = false;

        for (const char *const *name = names; *name != NULL && !is_named; name++)
            is_named = strncasecmp(fetch->headers[i], *name, strlen(*name)) == 0;
        if (is_named != is_dropped)
            fetch->headers[kept++] = fetch->headers[i];
        else
            free(fetch->headers[i]);
    }
    fetch->header_count = kept;
}

/* RFC 9110, 15.4, as everybody has come to understand it. */
static void change_method(struct tq_fetch *fetch)
{
    static const char *const of_content[] = {"content-", NULL};
    int status = status_of(fetch);
    bool is_post = strcmp(fetch->method, "POST") == 0;

    if (status == 303 ? strcmp(fetch->method, "HEAD") == 0 : status > 303 || !is_post)
        return;
    replace(&fetch->method, tq_strdup("GET"));
    tq_buf_clear(&fetch->body);
    fetch->has_body = false;
    filter_headers(fetch, of_content, true);
}

bool tq_hop_redirect(struct tq_fetch *fetch, struct tq_err *err)
{
    static const char *const harmless[] = {"accept", "content-", "user-agent", NULL};
    char *target = NULL, *origin;
    bool is_fine;

    if (++fetch->hops > fetch->request.max_redirects)
        return tq_err_set(err, TQ_ERR_NET, CURLE_TOO_MANY_REDIRECTS,
                          "http: %s redirects once more after %d redirects (max_redirects)",
                          tq_fetch_server(fetch), fetch->request.max_redirects);
    (void)curl_easy_getinfo(fetch->easy.curl, CURLINFO_REDIRECT_URL, &target); /* NULL: no URL */
    change_method(fetch);
    origin = tq_strdup(fetch->origin);
    is_fine = tq_hop_set_url(fetch, target != NULL ? target : "", err);
    if (!is_fine)
        (void)tq_err_set(err, TQ_ERR_NET, err->code,
                         "http: %s redirects to something that is no http:// or https:// URL",
                         strstr(origin, "://") + strlen("://"));
    else if (strcmp(origin, fetch->origin) != 0)
        filter_headers(fetch, harmless, false);
    free(origin);
    return is_fine;
}

void tq_hop_deinit(struct tq_fetch *fetch)
{
    for (size_t i = 0; i < fetch->header_count; i++)
        free(fetch->headers[i]);
    free(fetch->headers);
    curl_slist_free_all(fetch->list);
    tq_buf_deinit(&fetch->body);
    free(fetch->method);
    free(fetch->url);
    free(fetch->origin);
    free(fetch->user);
    free(fetch->password);
}
