using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Smtp;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class SmtpSenderTests : SenderContract
{
    private readonly X509Certificate2 certificate = SelfSigned();

    public SmtpSenderTests() => Own(certificate);

    protected override string Secret => "hunter2-of-the-shop";

    /// <summary>Without the whole answer nothing is known.</summary>
    protected override SendOutcome HalfAnswered => SendOutcome.Unknown;

    /// <summary>SMTP has no word for it.</summary>
    protected override TimeSpan? AskedFor => null;

    protected override object Document(Uri target) => new
    {
        type = "smtp",
        host = target.Host,
        port = target.Port,
        security = target.Scheme == "https" ? "tls" : "starttls",
        user = "shop",
        password = Secret,
        from = new { email = "shop@example.com", name = "The shop" },
        timeout = "PT10S",
    };

    private protected override ISenderFactory Factory(bool allowPrivateTargets, Func<string, CancellationToken, Task<IPAddress[]>> resolve) =>
        new SmtpSenderFactory(
            new SenderOptions { AllowPrivateTargets = allowPrivateTargets }, Clock, resolve,
            (_, presented, _, _) => presented?.GetCertHashString() == certificate.GetCertHashString());

    private protected override Task<Double> StartAsync(Behaviour behaviour, Func<Task> silence)
    {
        var server = new SmtpDouble(behaviour == Behaviour.IsNotTrusted ? OwnedStranger() : certificate);
        server.Answer = (line, stream) => BehaveAsync(line, stream, behaviour, silence);
        return Task.FromResult(Of(server));
    }

    private X509Certificate2 OwnedStranger()
    {
        var stranger = SelfSigned();
        Own(stranger);
        return stranger;
    }

    private static Double Of(SmtpDouble server) =>
        new(new Uri($"{(server.IsImplicit ? "https" : "http")}://{SmtpDouble.Address}:{server.Port}/"), () => server.Messages.Count, server);

    private async Task<string?> BehaveAsync(string line, Stream stream, Behaviour behaviour, Func<Task> silence)
    {
        switch (behaviour, line)
        {
            case (Behaviour.Refuses, "RCPT TO:<ada@example.com>"):
                return $"550-5.1.1 <{Email}>:\r\n550 5.1.1 unknown here, {Secret}";
            case (Behaviour.IsBusy, "DATA"):
                return "451 4.7.1 try later";
            case (Behaviour.Fails, ""):
                return "421 4.3.2 closing for repairs";
            case (Behaviour.KeepsSilent, "."):
                await silence();
                return "";
            case (Behaviour.Resets, "."):
                throw new IOException("Reset.");
            case (Behaviour.Babbles, "."):
                return "HTTP/1.1 400 Bad Request";
            case (Behaviour.TalksWithoutEnd, "."):
                while (true)
                    await stream.WriteAsync("250-and another thing\r\n"u8.ToArray());
            case (Behaviour.StopsTalking, "."):
                await stream.WriteAsync("250-so far\r\n250"u8.ToArray());
                await silence();
                return "";
            default:
                return null;
        }
    }

    [Fact]
    public async Task The_conversation_is_as_it_should_be()
    {
        await using var server = new SmtpDouble(certificate);
        var delivery = await DeliverAsync(Of(server));

        Assert.Equal(new Delivery(SendOutcome.Sent, "2.0.0 queued as 42"), delivery);
        Assert.Equal(
            [
                "EHLO [127.0.0.1]", "STARTTLS", "EHLO [127.0.0.1]", $"AUTH PLAIN {Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0shop\0{Secret}"))}",
                "MAIL FROM:<shop@example.com>", "RCPT TO:<ada@example.com>", "DATA",
            ],
            server.Lines);
    }

    [Fact]
    public async Task The_message_is_as_it_should_be()
    {
        await using var server = new SmtpDouble(certificate);
        await DeliverAsync(Sender(Of(server).Url), Sample.Mail(content: new RenderedContent("Your <cart>", "<p>Mug & more, 5 €</p>", ".\n..\nMug")));

        Assert.Equal(
            """
            From: "The shop"
             <shop@example.com>
            To: "Ada Lovelace"
             <ada@example.com>
            Subject: Your <cart>
            Date: Sun, 01 Mar 2026 12:00:00 +0000
            Message-ID: <0123456789abcdef0123456789abcdef@example.com>
            List-Unsubscribe: <https://shop.example/u/c2lnbmVk>
            List-Unsubscribe-Post: List-Unsubscribe=One-Click
            MIME-Version: 1.0
            Content-Type: multipart/alternative;
             boundary="=_0123456789abcdef0123456789abcdef"

            --=_0123456789abcdef0123456789abcdef
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            ..
            ...
            Mug
            --=_0123456789abcdef0123456789abcdef
            Content-Type: text/html; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            <p>Mug & more, 5 =E2=82=AC</p>
            --=_0123456789abcdef0123456789abcdef--

            """.ReplaceLineEndings("\r\n"),
            Assert.Single(server.Messages));
    }

    [Fact]
    public async Task Where_PLAIN_is_not_offered_LOGIN_is_used()
    {
        await using var server = new SmtpDouble(certificate) { Extensions = ["AUTH LOGIN"] };
        Assert.Equal(SendOutcome.Sent, (await DeliverAsync(Of(server))).Outcome);
        Assert.Equal(["AUTH LOGIN", "c2hvcA==", Convert.ToBase64String(Encoding.UTF8.GetBytes(Secret))], server.Lines.Skip(3).Take(3));
    }

    [Fact]
    public async Task TLS_from_the_first_byte()
    {
        await using var server = new SmtpDouble(certificate, isImplicit: true);
        Assert.Equal(SendOutcome.Sent, (await DeliverAsync(Of(server))).Outcome);
        Assert.DoesNotContain("STARTTLS", server.Lines);
    }

    [Theory]
    [InlineData(null, "The server offers no STARTTLS; without it nothing is sent.")]
    [InlineData("454 4.7.0 not now", "STARTTLS was answered 454 4.7.0 not now")]
    public async Task Without_TLS_nothing_is_told(string? answer, string detail)
    {
        await using var server = new SmtpDouble(certificate) { OffersStartTls = answer is not null };
        server.Answer = (line, _) => Task.FromResult(line == "STARTTLS" ? answer : null);

        Assert.Equal(new Delivery(SendOutcome.Retry, Detail: detail), await DeliverAsync(Of(server)));
        Assert.DoesNotContain(server.Lines, line => line.StartsWith("AUTH", StringComparison.Ordinal) || line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_said_before_TLS_is_no_answer_inside_it()
    {
        await using var server = new SmtpDouble(certificate) { Injected = "\r\n250 AUTH PLAIN" };
        var delivery = await DeliverAsync(Of(server));
        Assert.Equal(SendOutcome.Retry, delivery.Outcome);
        Assert.DoesNotContain(server.Lines, line => line.StartsWith("AUTH", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("AUTH", "535 5.7.8 no", SendOutcome.Retry)]
    [InlineData("AUTH", "454 4.7.0 later", SendOutcome.Retry)]
    [InlineData("EHLO", "554 not you", SendOutcome.Retry)]
    [InlineData("MAIL", "530 5.7.0 sign in first", SendOutcome.Retry)]
    [InlineData("MAIL", "550 5.7.1 not from there", SendOutcome.Failed)]
    [InlineData("MAIL", "452 4.3.1 full", SendOutcome.Retry)]
    [InlineData("RCPT", "450 4.2.1 greylisted", SendOutcome.Retry)]
    [InlineData("RCPT", "421 4.4.5 too many", SendOutcome.Retry)]
    [InlineData("RCPT", "553 no such name", SendOutcome.Failed)]
    [InlineData("DATA", "554 no", SendOutcome.Failed)]
    [InlineData("DATA", "250 what", SendOutcome.Retry)]
    [InlineData(".", "452 4.3.1 full", SendOutcome.Retry)]
    [InlineData(".", "554 5.7.1 spam", SendOutcome.Failed)]
    [InlineData(".", "354 what", SendOutcome.Unknown)]
    [InlineData(".", "999", SendOutcome.Unknown)]
    [InlineData(".", "250", SendOutcome.Sent)]
    [InlineData(".", "250-a\r\n250-b\r\n250 c", SendOutcome.Sent)]
    public async Task Each_answer_has_its_outcome(string command, string answer, SendOutcome outcome)
    {
        await using var server = new SmtpDouble(certificate);
        server.Answer = (line, _) => Task.FromResult(line.StartsWith(command, StringComparison.Ordinal) && line.Length > 0 ? answer : null);
        Assert.Equal(outcome, (await DeliverAsync(Of(server))).Outcome);
    }

    /// <summary>Until the message's end has left, the server cannot have taken it.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("EHLO")]
    [InlineData("STARTTLS")]
    [InlineData("AUTH")]
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    public async Task A_break_before_the_messages_end_is_tried_again(string command)
    {
        await using var server = new SmtpDouble(certificate);
        server.Answer = (line, _) => line.StartsWith(command, StringComparison.Ordinal) ? throw new IOException("Reset.") : Task.FromResult<string?>(null);
        Assert.Equal(SendOutcome.Retry, (await DeliverAsync(Of(server))).Outcome);

        server.Answer = (line, _) =>
        {
            if (!line.StartsWith(command, StringComparison.Ordinal))
                return Task.FromResult<string?>(null);
            Clock.Expire();
            return Task.FromResult<string?>("");
        };
        Assert.Equal(new Delivery(SendOutcome.Retry, Detail: "No answer within PT10S."), await DeliverAsync(Of(server)));
        Assert.Empty(server.Messages);
    }

    [Theory]
    [InlineData("220")]
    [InlineData("22 x")]
    [InlineData("220+x")]
    [InlineData("HTTP/1.1 200 OK")]
    public async Task A_server_of_another_kind_is_tried_again(string greeting)
    {
        await using var server = new SmtpDouble(certificate);
        server.Answer = (line, _) => Task.FromResult(line == "" ? greeting : null);
        Assert.Equal(greeting == "220" ? SendOutcome.Sent : SendOutcome.Retry, (await DeliverAsync(Of(server))).Outcome);
    }

    [Fact]
    public async Task A_line_without_end_is_cut_off()
    {
        await using var server = new SmtpDouble(certificate);
        server.Answer = (line, _) => Task.FromResult(line == "." ? "250 " + new string('x', 100_000) : null);
        Assert.Equal(new Delivery(SendOutcome.Unknown, Detail: "The server's answer has too long a line."), await DeliverAsync(Of(server)));
    }

    [Fact]
    public async Task A_connection_is_used_again()
    {
        await using var server = new SmtpDouble(certificate);
        var sender = Sender(Of(server).Url);
        for (var number = 0; number < 3; number++)
            Assert.Equal(SendOutcome.Sent, (await DeliverAsync(sender)).Outcome);

        Assert.Equal(1, server.Commands.Max(command => command.Connection));
        Assert.Equal(["RSET", "RSET"], server.Lines.Where(line => line == "RSET"));
    }

    [Fact]
    public async Task A_refusal_costs_no_connection()
    {
        await using var server = new SmtpDouble(certificate);
        var sender = Sender(Of(server).Url);
        server.Answer = (line, _) => Task.FromResult(line.StartsWith("RCPT", StringComparison.Ordinal) ? "550 no" : null);
        Assert.Equal(SendOutcome.Failed, (await DeliverAsync(sender)).Outcome);
        server.Answer = (_, _) => Task.FromResult<string?>(null);
        Assert.Equal(SendOutcome.Sent, (await DeliverAsync(sender)).Outcome);

        Assert.Equal(1, server.Commands.Max(command => command.Connection));
    }

    [Fact]
    public async Task A_connection_that_died_meanwhile_is_replaced_without_a_word()
    {
        await using var server = new SmtpDouble(certificate);
        var sender = Sender(Of(server).Url);
        await DeliverAsync(sender);
        server.ResetAll();

        Assert.Equal(SendOutcome.Sent, (await DeliverAsync(sender)).Outcome);
        Assert.Equal(2, server.Messages.Count);
    }

    [Fact]
    public async Task After_a_421_the_next_message_has_its_own_connection()
    {
        await using var server = new SmtpDouble(certificate);
        var sender = Sender(Of(server).Url);
        server.Answer = (line, _) => Task.FromResult(line == "DATA" ? "421 4.3.2 bye" : null);
        Assert.Equal(SendOutcome.Retry, (await DeliverAsync(sender)).Outcome);
        server.Answer = (_, _) => Task.FromResult<string?>(null);
        Assert.Equal(SendOutcome.Sent, (await DeliverAsync(sender)).Outcome);

        Assert.DoesNotContain("RSET", server.Lines);
    }

    [Fact]
    public async Task An_idle_connection_is_closed_with_a_good_bye()
    {
        await using var server = new SmtpDouble(certificate);
        await DeliverAsync(Of(server));
        Clock.Now += TimeSpan.FromSeconds(30);
        Clock.Expire();

        await Eventually.TrueAsync(() => server.Lines.Contains("QUIT"), () => "a good-bye");
    }

    [Fact]
    public async Task Many_at_once_are_all_sent_once()
    {
        await using var server = new SmtpDouble(certificate);
        var sender = Sender(Of(server).Url);
        var deliveries = await Task.WhenAll(Enumerable.Range(0, 40).Select(number =>
        {
            var message = Sample.Mail();
            return sender.DeliverAsync(message with { Job = message.Job with { DecisionId = $"d{number}" } }, CancellationToken.None);
        }));

        Assert.All(deliveries, delivery => Assert.Equal(SendOutcome.Sent, delivery.Outcome));
        Assert.Equal(40, server.Messages.Select(message => message.Split("Message-ID: ")[1].Split('\r')[0]).Distinct().Count());
    }

    [Theory]
    [InlineData(true, SendOutcome.Sent)]
    [InlineData(false, SendOutcome.Failed)]
    public async Task Letters_beyond_ASCII_need_a_server_that_takes_them(bool announced, SendOutcome outcome)
    {
        await using var server = new SmtpDouble(certificate) { Extensions = announced ? ["AUTH PLAIN", "SMTPUTF8"] : ["AUTH PLAIN"] };
        Assert.Equal(outcome, (await DeliverAsync(Sender(Of(server).Url), Sample.Mail("\"zoë@bücher.example\""))).Outcome);
        Assert.Equal(announced, server.Lines.Contains("MAIL FROM:<shop@example.com> SMTPUTF8"));
        Assert.Equal(announced, server.Lines.Contains("RCPT TO:<zoë@xn--bcher-kva.example>"));
    }

    [Fact]
    public async Task Without_TLS_only_where_the_operator_allows_it_and_without_a_password()
    {
        var plain = With("security", "none");
        Assert.Equal(["/security", "/user"], Validate(plain).Select(error => error.Pointer));

        await using var server = new SmtpDouble(certificate) { Extensions = [] , OffersStartTls = false };
        var document = new { type = "smtp", host = SmtpDouble.Address, port = server.Port, security = "none", from = new { email = "shop@example.com" } };
        Assert.Equal(SendOutcome.Sent, (await DeliverAsync(Sender(Of(server).Url, document: document))).Outcome);
        Assert.Equal("/security", Assert.Single(Validate(new { type = "smtp", host = "mail.example", security = "none", from = new { email = "shop@example.com" } })).Pointer);
    }

    [Fact]
    public void Faults_of_a_document_are_pointed_at()
    {
        Assert.Equal("/host", Assert.Single(Validate(With("host", null))).Pointer);
        Assert.Equal("/host", Assert.Single(Validate(With("host", "a b"))).Pointer);
        Assert.Equal("/host", Assert.Single(Validate(With("host", "10.0.0.1"))).Pointer);
        Assert.Equal("/host", Assert.Single(Validate(With("host", "mail.example\r\nQUIT"))).Pointer);
        Assert.Equal("/port", Assert.Single(Validate(With("port", 0))).Pointer);
        Assert.Equal("/security", Assert.Single(Validate(With("security", "ssl"))).Pointer);
        Assert.Equal("/user", Assert.Single(Validate(With("user", null))).Pointer);
        Assert.Equal("/password", Assert.Single(Validate(With("password", null))).Pointer);
        Assert.Equal("/from", Assert.Single(Validate(With("from", null))).Pointer);
        Assert.Equal("/from/email", Assert.Single(Validate(With("from", new { email = "shop@example.com\nBcc: x@example.com" }))).Pointer);
    }
}
