// SPDX-License-Identifier: MIT
//
// Reading the URLs of mail servers.
#include "net/smtp_server.h"

#include <string.h>

#include "unit/unit.h"

UNIT_TEST(a_url_says_whether_there_is_tls)
{
    static const struct {
        const char *text, *url, *name;
        long tls;
    } cases[] = {
        {"smtp://h", "smtp://h/", "h:25", CURLUSESSL_TRY},
        {"smtp://h:2525/me.example", "smtp://h:2525/me.example", "h:2525", CURLUSESSL_TRY},
        {"smtp://u:p%40@h", "smtp://u:p%40@h/", "h:25", CURLUSESSL_ALL},
        {"smtp://u:p@h?tls=try", "smtp://u:p@h/", "h:25", CURLUSESSL_TRY},
        {"smtp://h/?tls=required", "smtp://h/", "h:25", CURLUSESSL_ALL},
        {"smtp://h?tls=never", "smtp://h/", "h:25", CURLUSESSL_NONE},
        {"smtps://h", "smtps://h/", "h:465", CURLUSESSL_ALL},
        {"smtps://h?tls=required", "smtps://h/", "h:465", CURLUSESSL_ALL},
        {"smtp://[::1]:25", "smtp://[::1]:25/", "[::1]:25", CURLUSESSL_TRY},
    };
    struct tq_smtp_server server;
    struct tq_err err;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_OK(tq_smtp_server_parse(cases[i].text, &server, &err), &err);
        CHECK_TEXT(server.url, cases[i].url);
        CHECK_TEXT(server.name, cases[i].name);
        CHECK_TEXT(server.ca_file, NULL);
        CHECK_INT(server.tls, cases[i].tls);
        tq_smtp_server_deinit(&server);
    }
}

UNIT_TEST(a_url_may_name_certificates)
{
    struct tq_smtp_server server;
    struct tq_err err;

    CHECK_OK(tq_smtp_server_parse("smtps://h?tls=required&ca=/etc/a%20b.pem", &server, &err), &err);

    CHECK_TEXT(server.ca_file, "/etc/a b.pem");
    tq_smtp_server_deinit(&server);
}

UNIT_TEST(wrong_urls_are_refused_without_showing_the_password)
{
    static const char *const cases[] = {
        "",
        "mail.example",
        "http://u:secret@h",
        "smtp://",
        "smtp://u:secret@h:x",
        "smtp://u:secret@h?tls=maybe",
        "smtp://u:secret@h?speed=11",
        "smtps://u:secret@h?tls=never",
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tq_smtp_server server;
        struct tq_err err = {0};

        CHECK(!tq_smtp_server_parse(cases[i], &server, &err));
        CHECK_INT(err.code, CURLE_URL_MALFORMAT);
        CHECK(strstr(err.message, "secret") == NULL);
        CHECK(strstr(err.message, "smtp://user:password@mail.example:587") != NULL);
    }
}
