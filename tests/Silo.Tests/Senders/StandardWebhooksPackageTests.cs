using System.Diagnostics;
using System.Text.Json;
using Orleans.Personalize.Senders;
using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.Senders;

/// <summary>The reference library that receivers use (npm: standardwebhooks) has the last word on our signature.</summary>
public sealed class StandardWebhooksPackageTests : IDisposable
{
    private const string Package = "standardwebhooks@1.1.1";
    private const string Secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    private const string OldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private const string Verify =
        """
        const { Webhook } = require("standardwebhooks");
        const request = JSON.parse(require("fs").readFileSync(0, "utf8"));
        for (const body of [request.body, request.body + " "])
          for (const secret of request.secrets)
            try { console.log(new Webhook(secret).verify(body, request.headers).data.customer); } catch (fault) { console.log(fault.name); }
        """;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("standardwebhooks-");

    public void Dispose() => folder.Delete(recursive: true);

    [NodeFact]
    public async Task The_reference_library_accepts_the_signature_and_nothing_else()
    {
        await using var receiver = await Receiver.Answering(200);
        using var http = new SenderHttp(new SenderOptions { AllowPrivateTargets = true }, TimeProvider.System);
        var factory = new WebhookSenderFactory(http);
        var document = JsonSerializer.SerializeToElement(new { type = "webhook", url = receiver.Url, secret = new[] { Secret, OldSecret } });
        Assert.Equal(SendOutcome.Sent, (await factory.Create("shop", "hook", document).DeliverAsync(Sample.Message(), CancellationToken.None)).Outcome);

        var request = receiver.Only;
        var stranger = "whsec_" + Convert.ToBase64String(new byte[32]);
        var input = JsonSerializer.Serialize(new { body = System.Text.Encoding.UTF8.GetString(request.Body), headers = request.Headers, secrets = new[] { Secret, OldSecret, stranger } });
        await Run("npm", "", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", Package);
        var verdicts = await Run("node", input, "-e", Verify);

        const string No = "WebhookVerificationError";
        Assert.Equal(["ada/é", "ada/é", No, No, No, No], verdicts.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private async Task<string> Run(string program, string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            WorkingDirectory = folder.FullName,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            Assert.True(process.ExitCode == 0, $"{program} failed: {await errors}");
            return await output;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
