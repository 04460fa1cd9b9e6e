// SPDX-License-Identifier: MIT
//
// Sending mail to a sink on loopback.
#include "net/smtp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "unit/net/sink.h"
#include "unit/unit.h"

enum { LONG_MS = 30000, SHORT_MS = 100, MANY = 30 };

struct office {
    uv_loop_t loop;
    struct tq_net *net;
    struct sink sink;
    int closed;
};

struct letter {
    int answers;
    bool is_ok;
    struct tq_err err;
};

static void open_office(struct office *office, const struct sink_rule *rules)
{
    struct tq_err err;

    office->sink.rules = rules;
    sink_start(&office->sink);
    CHECK_INT(uv_loop_init(&office->loop), 0);
    office->net = tq_net_new(&office->loop, &err);
    CHECK_OK(office->net != NULL, &err);
}

static void on_net_closed(void *arg)
{
    ((struct office *)arg)->closed++;
}

/* Nothing may be left on the loop. */
static void close_office(struct office *office)
{
    tq_net_close(office->net, on_net_closed, office);
    CHECK_INT(office->closed, 0);
    CHECK_INT(uv_run(&office->loop, UV_RUN_DEFAULT), 0);
    CHECK_INT(office->closed, 1);
    CHECK_INT(uv_loop_close(&office->loop), 0);
    sink_stop(&office->sink);
}

static void on_answer(void *arg, const struct tq_err *err)
{
    struct letter *letter = arg;

    letter->answers++;
    letter->is_ok = err == NULL;
    if (err != NULL)
        letter->err = *err;
}

static struct tq_mail_request request_to(const char *url)
{
    static const char *const ada[] = {"ada@mail.example"};

    return (struct tq_mail_request){.url = url,
                                    .from = "taskq@mail.example",
                                    .recipients = ada,
                                    .recipient_count = 1,
                                    .message = "Subject: hi\r\n\r\nhello\r\n",
                                    .message_len = strlen("Subject: hi\r\n\r\nhello\r\n"),
                                    .timeout_ms = LONG_MS};
}

static struct tq_transfer *begin(struct office *office, const struct tq_mail_request *request,
                                 struct letter *letter)
{
    struct tq_transfer *transfer = tq_net_send_mail(office->net, request, on_answer, letter);

    CHECK_INT(letter->answers, 0);
    return transfer;
}

static void finish(struct office *office, struct letter *letter)
{
    while (letter->answers == 0)
        (void)uv_run(&office->loop, UV_RUN_ONCE);
}

static struct letter post(struct office *office, const struct tq_mail_request *request)
{
    struct letter letter = {0};

    (void)begin(office, request, &letter);
    finish(office, &letter);
    return letter;
}

static struct letter post_usual(struct office *office)
{
    struct tq_mail_request request = request_to(office->sink.url);

    return post(office, &request);
}

static void wait_for_lines(struct office *office, int lines)
{
    while (atomic_load(&office->sink.lines) < lines)
        (void)uv_run(&office->loop, UV_RUN_NOWAIT);
}

/* What was heard after EHLO, which tells the name of this machine. */
static const char *heard_of(struct office *office)
{
    const char *heard = strstr(office->sink.heard.data, "EHLO");

    CHECK(heard != NULL);
    return strchr(heard, '\n') + 1;
}

UNIT_TEST(a_message_goes_to_each_recipient)
{
    static const char *const both[] = {"ada@mail.example", "bob@mail.example"};
    static const char text[] = "Subject: dots\r\n\r\n.\r\n..x\r\nend";
    struct office office = {0};

    open_office(&office, NULL);
    struct tq_mail_request request = request_to(office.sink.url);

    request.recipients = both;
    request.recipient_count = 2;
    request.message = text;
    request.message_len = strlen(text);
    struct letter letter = post(&office, &request);

    CHECK_OK(letter.is_ok, &letter.err);
    close_office(&office);
    CHECK_TEXT(heard_of(&office), "MAIL FROM:<taskq@mail.example>\n"
                                  "RCPT TO:<ada@mail.example>\nRCPT TO:<bob@mail.example>\n"
                                  "DATA\nSubject: dots\n\n..\n...x\nend\n.\nQUIT\n");
    sink_free(&office.sink);
}

UNIT_TEST(letters_share_a_connection)
{
    struct office office = {0};

    open_office(&office, NULL);
    for (int i = 0; i < 3; i++)
        CHECK(post_usual(&office).is_ok);

    close_office(&office);
    CHECK_INT(office.sink.connections, 1);
    sink_free(&office.sink);
}

UNIT_TEST(many_letters_go_over_a_few_connections)
{
    struct office office = {0};
    struct letter letters[MANY] = {0};

    open_office(&office, NULL);
    struct tq_mail_request request = request_to(office.sink.url);

    for (int i = 0; i < MANY; i++)
        (void)begin(&office, &request, &letters[i]);
    for (int i = 0; i < MANY; i++) {
        finish(&office, &letters[i]);
        CHECK_OK(letters[i].is_ok, &letters[i].err);
    }

    CHECK(office.sink.connections <= 8);
    close_office(&office);
    sink_free(&office.sink);
}

UNIT_TEST(a_refused_recipient_is_named_and_permanent)
{
    static const struct sink_rule rules[] = {
        {"RCPT TO:<bob", "550-5.1.1 no such\r\n550 5.1.1 user here"}, {NULL, NULL}};
    static const char *const both[] = {"ada@mail.example", "bob@mail.example"};
    struct office office = {0};

    open_office(&office, rules);
    struct tq_mail_request request = request_to(office.sink.url);

    request.recipients = both;
    request.recipient_count = 2;
    struct letter letter = post(&office, &request);

    CHECK(!letter.is_ok);
    CHECK_INT(letter.err.domain, TQ_ERR_NET);
    CHECK_INT(letter.err.code, 550);
    CHECK(strstr(letter.err.message, "refused RCPT TO:<bob@mail.example>: "
                                     "550 5.1.1 no such 5.1.1 user here (permanent)") != NULL);
    close_office(&office);
    CHECK(strstr(office.sink.heard.data, "DATA") == NULL);
    sink_free(&office.sink);
}

UNIT_TEST(after_a_refusal_the_connection_is_used_again)
{
    static const struct sink_rule rules[] = {{"RCPT TO:<bob", "550 no"}, {NULL, NULL}};
    static const char *const bob[] = {"bob@mail.example"};
    struct office office = {0};

    open_office(&office, rules);
    struct tq_mail_request request = request_to(office.sink.url);

    request.recipients = bob;
    CHECK(!post(&office, &request).is_ok);
    CHECK(post_usual(&office).is_ok);

    close_office(&office);
    CHECK_INT(office.sink.connections, 1);
    CHECK(strstr(office.sink.heard.data, "RSET\nMAIL") != NULL);
    sink_free(&office.sink);
}

UNIT_TEST(a_temporary_refusal_has_its_code)
{
    static const struct {
        const char *command, *reply;
        int code;
    } cases[] = {
        {"MAIL", "451 later", 451}, {"RCPT", "450 greylisted", 450}, {"DATA", "452 full", 452},
        {".", "451 later", 451},    {"MAIL", "421 closing", 421},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sink_rule rules[] = {{cases[i].command, cases[i].reply}, {NULL, NULL}};
        struct office office = {0};

        open_office(&office, rules);
        struct letter letter = post_usual(&office);

        CHECK(!letter.is_ok);
        CHECK_INT(letter.err.code, cases[i].code);
        CHECK(strstr(letter.err.message, cases[i].reply) != NULL);
        close_office(&office);
        sink_free(&office.sink);
    }
}

UNIT_TEST(settings_that_are_wrong_do_not_look_like_a_refused_message)
{
    static const struct {
        const char *command, *reply;
        int code;
    } cases[] = {
        {"", "554 go away", CURLE_WEIRD_SERVER_REPLY},
        {"MAIL", "530 log in first", CURLE_LOGIN_DENIED},
        {"MAIL", "nonsense", CURLE_WEIRD_SERVER_REPLY},
        {"RCPT", "", CURLE_RECV_ERROR},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sink_rule rules[] = {{cases[i].command, cases[i].reply}, {NULL, NULL}};
        struct office office = {0};

        open_office(&office, rules);
        struct letter letter = post_usual(&office);

        CHECK(!letter.is_ok);
        CHECK_INT(letter.err.code, cases[i].code);
        CHECK(strstr(letter.err.message, cases[i].reply) != NULL);
        close_office(&office);
        sink_free(&office.sink);
    }
}

UNIT_TEST(a_password_is_not_sent_without_tls)
{
    struct office office = {0};
    char url[2048];

    open_office(&office, NULL);
    (void)snprintf(url, sizeof url, "smtp://ada:secret@%s", office.sink.url + strlen("smtp://"));
    struct tq_mail_request request = request_to(url);
    struct letter letter = post(&office, &request);

    CHECK(!letter.is_ok);
    CHECK_INT(letter.err.code, CURLE_USE_SSL_FAILED);
    CHECK(strstr(letter.err.message, "secret") == NULL);
    close_office(&office);
    CHECK(strstr(office.sink.heard.data, "AUTH") == NULL);
    sink_free(&office.sink);
}

UNIT_TEST(a_refused_login_is_not_a_refused_message)
{
    static const struct sink_rule rules[] = {
        {"EHLO", "250-sink\r\n250 AUTH PLAIN"}, {"AUTH", "535 5.7.8 wrong"}, {NULL, NULL}};
    struct office office = {0};
    char url[2048];

    open_office(&office, rules);
    (void)snprintf(url, sizeof url, "smtp://ada:secret@%s?tls=never",
                   office.sink.url + strlen("smtp://"));
    struct tq_mail_request request = request_to(url);
    struct letter letter = post(&office, &request);

    CHECK(!letter.is_ok);
    CHECK_INT(letter.err.code, CURLE_LOGIN_DENIED);
    CHECK(strstr(letter.err.message, "535 5.7.8 wrong") != NULL);
    CHECK(strstr(letter.err.message, "SMTP_URL") != NULL);
    close_office(&office);
    sink_free(&office.sink);
}

/* A port of which nobody hears anything, and which nobody else can get meanwhile. */
static int take_port(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, len), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, size, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

UNIT_TEST(a_refused_connection_names_the_server)
{
    struct office office = {0};
    struct tq_err err;
    int fd = take_port(office.sink.url, sizeof office.sink.url);

    CHECK_INT(uv_loop_init(&office.loop), 0);
    office.net = tq_net_new(&office.loop, &err);
    struct letter letter = post_usual(&office);

    CHECK(!letter.is_ok);
    CHECK_INT(letter.err.code, CURLE_COULDNT_CONNECT);
    CHECK(strstr(letter.err.message, office.sink.url + strlen("smtp://")) != NULL);
    tq_net_close(office.net, on_net_closed, &office);
    CHECK_INT(uv_run(&office.loop, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&office.loop), 0);
    CHECK_INT(close(fd), 0);
}

UNIT_TEST(a_silent_server_times_out_at_every_stage)
{
    static const char *const commands[] = {"", "EHLO", "MAIL", "RCPT", "DATA", "."};

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct sink_rule rules[] = {{commands[i], NULL}, {NULL, NULL}};
        struct office office = {0};

        open_office(&office, rules);
        struct tq_mail_request request = request_to(office.sink.url);

        request.timeout_ms = SHORT_MS;
        struct letter letter = post(&office, &request);

        CHECK(!letter.is_ok);
        CHECK_INT(letter.err.code, CURLE_OPERATION_TIMEDOUT);
        CHECK(strstr(letter.err.message, "within 100 ms") != NULL);
        close_office(&office);
        sink_free(&office.sink);
    }
}

static void on_beat(uv_timer_t *timer)
{
    ++*(int *)timer->data;
}

UNIT_TEST(the_loop_goes_on_while_the_server_thinks)
{
    static const struct sink_rule rules[] = {{".", NULL}, {NULL, NULL}};
    struct office office = {0};
    uv_timer_t heart;
    int beats = 0;

    open_office(&office, rules);
    CHECK_INT(uv_timer_init(&office.loop, &heart), 0);
    heart.data = &beats;
    CHECK_INT(uv_timer_start(&heart, on_beat, 1, 1), 0);
    struct tq_mail_request request = request_to(office.sink.url);
    struct letter letter = {0};
    struct tq_transfer *transfer = begin(&office, &request, &letter);

    wait_for_lines(&office, 8); /* EHLO MAIL RCPT DATA, three lines of message, "." */
    beats = 0;
    while (beats < 20)
        (void)uv_run(&office.loop, UV_RUN_ONCE);

    CHECK_INT(letter.answers, 0);
    tq_transfer_cancel(transfer);
    uv_close((uv_handle_t *)&heart, NULL);
    close_office(&office);
    sink_free(&office.sink);
}

UNIT_TEST(a_cancelled_mail_never_ends)
{
    static const struct sink_rule rules[] = {{"DATA", NULL}, {NULL, NULL}};
    struct office office = {0};
    struct letter letter = {0};

    open_office(&office, rules);
    struct tq_mail_request request = request_to(office.sink.url);
    struct tq_transfer *transfer = begin(&office, &request, &letter);

    wait_for_lines(&office, 4);
    tq_transfer_cancel(transfer);
    close_office(&office);

    CHECK_INT(letter.answers, 0);
    CHECK(strstr(office.sink.heard.data, "DATA\n") != NULL);
    CHECK(strstr(office.sink.heard.data, "\n.\n") == NULL);
    sink_free(&office.sink);
}

UNIT_TEST(mail_can_be_cancelled_before_anything_happened)
{
    struct office office = {0};
    struct letter letters[MANY] = {0};
    struct tq_transfer *transfers[MANY];
    struct tq_mail_request nobody = request_to("smtp://127.0.0.1");

    open_office(&office, NULL);
    struct tq_mail_request request = request_to(office.sink.url);

    nobody.recipient_count = 0;
    for (int i = 0; i < MANY; i++)
        transfers[i] = begin(&office, i % 3 == 0 ? &nobody : &request, &letters[i]);
    for (int i = MANY - 1; i > 0; i--)
        tq_transfer_cancel(transfers[i]);
    finish(&office, &letters[0]);

    for (int i = 1; i < MANY; i++)
        CHECK_INT(letters[i].answers, 0);
    close_office(&office);
    sink_free(&office.sink);
}

UNIT_TEST(closing_waits_for_no_server)
{
    static const struct sink_rule rules[] = {{"QUIT", NULL}, {"RCPT TO:<bob", NULL}, {NULL, NULL}};
    static const char *const bob[] = {"bob@mail.example"};
    struct office office = {0};
    struct letter letter = {0};

    open_office(&office, rules);
    CHECK(post_usual(&office).is_ok);
    struct tq_mail_request request = request_to(office.sink.url);
    int64_t start_us = tq_clock_us();

    request.recipients = bob;
    for (int i = 0; i < MANY; i++)
        (void)begin(&office, &request, &letter);
    wait_for_lines(&office, 12);
    close_office(&office);

    CHECK_INT(letter.answers, 0);
    CHECK(tq_clock_us() - start_us < (LONG_MS - 1000) * INT64_C(1000));
    sink_free(&office.sink);
}

UNIT_TEST(a_connection_that_the_server_ended_is_replaced)
{
    struct office office = {.sink.has_short_patience = true};

    open_office(&office, NULL);
    for (int i = 0; i < 3; i++) {
        struct letter letter = post_usual(&office);

        CHECK_OK(letter.is_ok, &letter.err);
    }

    close_office(&office);
    CHECK_INT(office.sink.connections, 3);
    sink_free(&office.sink);
}

UNIT_TEST(requests_that_cannot_be_sent_fail_later)
{
    static const char *const bad[] = {"ada@mail.example>\r\nDATA"};
    static const char *const none[] = {""};
    struct office office = {0};

    open_office(&office, NULL);
    struct tq_mail_request usual = request_to(office.sink.url);
    struct tq_mail_request cases[] = {usual, usual, usual, usual, usual};

    cases[0].url = "http://mail.example";
    cases[1].recipients = bad;
    cases[2].recipients = none;
    cases[3].recipient_count = 0;
    cases[4].from = "Ada <ada@mail.example>";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct letter letter = post(&office, &cases[i]);

        CHECK(!letter.is_ok);
        CHECK_INT(letter.err.code, i == 0 ? CURLE_URL_MALFORMAT : CURLE_BAD_FUNCTION_ARGUMENT);
    }

    CHECK_INT(office.sink.connections, 0);
    close_office(&office);
    sink_free(&office.sink);
}
