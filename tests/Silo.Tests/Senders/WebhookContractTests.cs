using Orleans.Personalize.Senders.Http;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Silo.Tests.Senders;

public sealed class WebhookContractTests : HttpSenderContract
{
    protected override string Secret => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    protected override bool IsForMail => false;

    protected override object Document(Uri target) => new { type = "webhook", url = target.ToString(), secret = Secret, timeout = "PT10S" };

    private protected override ISenderFactory Factory(SenderHttp http) => new WebhookSenderFactory(http);

    protected override string Error(string message) => message;

    private protected override (int Status, string Body, (string Name, string Value)[] Headers) Answer(Received request) =>
        request.Headers.GetValueOrDefault("webhook-id") == Sample.DecisionId ? (200, "", []) : (400, "", []);
}
