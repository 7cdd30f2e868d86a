using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Smtp;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>A mail server and a mail parser that know nothing of ours (npm: smtp-server, mailparser) have the last word.</summary>
public sealed class SmtpServerPackageTests : IDisposable
{
    private const string Password = "hunter2-of-the-shop";

    /// <summary>Letters that mail has trouble with: blanks at the end of a line, full stops at its beginning, the signs of its own codes.</summary>
    private static readonly string[] Pieces =
        ["a", "Z", "word ", " ", "  ", "\t", "=", "=?", "?=", ".", "..", "\n.", "\n", "\n\n", "From ", "--=_", "é", "ß", "€", "漢字", "😀", "e\u0301", "\"", "\\", "<b>", "&", "_", new('x', 80), new('é', 40)];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("smtp-");

    public void Dispose() => folder.Delete(recursive: true);

    [NodeTheory]
    [InlineData("PLAIN", "explicit")]
    [InlineData("LOGIN", "explicit")]
    [InlineData("PLAIN", "implicit")]
    public async Task A_real_server_takes_it_and_a_real_parser_reads_it(string method, string mode)
    {
        await using var server = await Server.StartAsync(folder.FullName, Password, method, mode);
        var sender = server.Sender(Password);
        for (var number = 0; number < 2; number++)
            Assert.Equal(SendOutcome.Sent, (await sender.DeliverAsync(Sample.Mail(name: "Zoë \"Z\" Q"), CancellationToken.None)).Outcome);

        var taken = await server.NextAsync();
        Assert.Equal("shop@example.com", taken.GetProperty("from").GetString());
        Assert.Equal("ada@example.com", Assert.Single(taken.GetProperty("to").EnumerateArray()).GetString());
        Assert.True(taken.GetProperty("secure").GetBoolean());
        var mail = Assert.Single(await ParseAsync([Convert.FromBase64String(taken.GetProperty("message").GetString()!)]));
        Assert.Equal(("Your <cart>", "Mug & more", "<p>Mug & more</p>"), (mail.Subject, mail.Text, mail.Html));
        Assert.Equal(("ada@example.com", "Zoë \"Z\" Q", "shop@example.com", "The shop"), (mail.To.Address, mail.To.Name, mail.From.Address, mail.From.Name));
        Assert.Equal($"<{Sample.DecisionId}@example.com>", mail.MessageId);
        Assert.Equal("<https://shop.example/u/c2lnbmVk>", mail.Headers["list-unsubscribe"]);
        Assert.Equal("List-Unsubscribe=One-Click", mail.Headers["list-unsubscribe-post"]);
        Assert.Equal(1, (await server.NextAsync()).GetProperty("connections").GetInt32());
    }

    [NodeFact]
    public async Task A_real_servers_refusals_have_their_outcomes()
    {
        await using var server = await Server.StartAsync(folder.FullName, Password, "PLAIN", "explicit");
        var sender = server.Sender(Password);
        (string, SendOutcome)[] recipients = [("busy", SendOutcome.Retry), ("unknown", SendOutcome.Failed), ("spam", SendOutcome.Failed), ("ada", SendOutcome.Sent)];
        foreach (var (local, outcome) in recipients)
        {
            var delivery = await sender.DeliverAsync(Sample.Mail($"\"{local}@example.com\""), CancellationToken.None);
            Assert.Equal(outcome, delivery.Outcome);
            Assert.DoesNotContain($"{local}@", delivery.Detail ?? "", StringComparison.Ordinal);
        }

        var refused = await server.Sender("another password").DeliverAsync(Sample.Mail(), CancellationToken.None);
        Assert.Equal(SendOutcome.Retry, refused.Outcome);
        Assert.StartsWith("AUTH was answered 535", refused.Detail, StringComparison.Ordinal);
        Assert.Equal(SendOutcome.Retry, (await server.Sender(Password, trusting: false).DeliverAsync(Sample.Mail(), CancellationToken.None)).Outcome);
    }

    [NodeFact]
    public async Task Any_text_comes_out_as_it_went_in()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_TESTS_SEED"), out var given) ? given : Environment.TickCount;
        var random = new Random(seed);
        var mails = Enumerable.Range(0, 300).Select(_ => new Mail(
            MailAddress.TryParse("ada@example.com", Text(random, 12))!, ProviderText.OneLine(Text(random, 30)), random.Next(3) == 0 ? null : Text(random, 60), Text(random, 60), null)).ToArray();
        var from = MailAddress.TryParse("shop@example.com", "The shop")!;
        var raw = mails.Select(mail => MimeMessage.Write(mail, from, from, Sample.DecisionId, Sample.DecidedAt)).ToArray();
        var parsed = await ParseAsync(raw);

        Assert.Equal(mails.Length, parsed.Count);
        for (var number = 0; number < mails.Length; number++)
        {
            var (mail, read) = (mails[number], parsed[number]);
            Assert.True(Body(mail.Text) == Body(read.Text), $"Seed {seed}, mail {number}: text");
            Assert.True(Body(mail.Html) == Body(read.Html), $"Seed {seed}, mail {number}: html");
            Assert.True(mail.Subject == (read.Subject ?? ""), $"Seed {seed}, mail {number}: subject");
            Assert.True((mail.To.Name ?? "") == read.To.Name, $"Seed {seed}, mail {number}: name");
            Assert.All(Encoding.ASCII.GetString(raw[number]).Split("\r\n"), line => Assert.True(line.Length <= 78 && !line.Contains('\n'), $"Seed {seed}, mail {number}: {line}"));
            Assert.All(raw[number], letter => Assert.True(letter < 0x80, $"Seed {seed}, mail {number}: not ASCII"));
        }
    }

    /// <summary>The parser adds a line break to the end of a text.</summary>
    private static string? Body(string? text) => text?.ReplaceLineEndings("\n").TrimEnd('\n');

    private static string Text(Random random, int pieces) =>
        string.Concat(Enumerable.Range(0, random.Next(1, pieces)).Select(_ => Pieces[random.Next(Pieces.Length)])) + "end";

    private static async Task<IReadOnlyList<Parsed>> ParseAsync(IEnumerable<byte[]> messages)
    {
        var input = string.Join('\n', messages.Select(Convert.ToBase64String));
        var output = await Npm.RunAsync("node", await Npm.InstallAsync(), input, "parse.js");
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<Parsed>(line, JsonSerializerOptions.Web)!)];
    }

    private sealed record Mailbox(string Address, string Name);

    private sealed record Parsed(string? Subject, string? Text, string? Html, Mailbox From, Mailbox To, string? MessageId, Dictionary<string, string> Headers);

    private sealed class Server : IAsyncDisposable
    {
        private readonly Process process;
        private readonly X509Certificate2 certificate;
        private readonly string mode;
        private int port;

        private Server(Process process, X509Certificate2 certificate, string mode)
        {
            this.process = process;
            this.certificate = certificate;
            this.mode = mode;
        }

        public static async Task<Server> StartAsync(string folder, string password, string method, string mode)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var issued = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            var (certificateFile, keyFile) = (Path.Combine(folder, "certificate.pem"), Path.Combine(folder, "key.pem"));
            await File.WriteAllTextAsync(certificateFile, issued.ExportCertificatePem());
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());
            var node = Npm.Start("node", await Npm.InstallAsync(), "server.js", certificateFile, keyFile, "shop", password, method, mode);
            var server = new Server(node, issued, mode);
            server.port = (await server.NextAsync()).GetProperty("port").GetInt32();
            return server;
        }

        /// <summary>The next thing that the server says.</summary>
        public async Task<JsonElement> NextAsync()
        {
            using var patience = new CancellationTokenSource(Eventually.Patience);
            var line = await process.StandardOutput.ReadLineAsync(patience.Token);
            return line is null
                ? throw new InvalidOperationException($"The server ended: {await process.StandardError.ReadToEndAsync(patience.Token)}")
                : JsonSerializer.Deserialize<JsonElement>(line);
        }

        public ISender Sender(string password, bool trusting = true)
        {
            var factory = new SmtpSenderFactory(
                new SenderOptions { AllowPrivateTargets = true }, TimeProvider.System,
                trust: trusting ? (_, presented, _, _) => presented?.GetCertHashString() == certificate.GetCertHashString() : null);
            return factory.Create("shop", "mail", JsonSerializer.SerializeToElement(new
            {
                type = "smtp",
                host = "127.0.0.1",
                port,
                security = mode == "implicit" ? "tls" : "starttls",
                user = "shop",
                password,
                from = new { email = "shop@example.com", name = "The shop" },
            }));
        }

        public async ValueTask DisposeAsync()
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
            certificate.Dispose();
        }
    }
}
