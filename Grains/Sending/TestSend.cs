using System.Security.Cryptography;
using Orleans.Personalize.Customers;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Sending;

/// <summary>A message that shows whether a sender works, and says that it does no more than that.</summary>
internal static class TestSend
{
    /// <summary>The customer of a test that is rendered with nobody's profile.</summary>
    public const string Nobody = "test";

    private const string Trigger = "test";
    private const string Mark = "[Test] ";
    private static readonly JsonText Data = JsonText.FromString("""{"test":true}""");

    /// <returns>The message, or what has already come of it.</returns>
    public static (SendMessage? Message, Delivery? Delivery) Make(CustomerKey customer, string sender, TestMessage test, Template? template, TimeProvider clock)
    {
        var job = Job(customer, test, clock.GetUtcNow());
        try
        {
            // Its links lead nowhere: whoever tries them must not unsubscribe anybody.
            var content = template?.Render(job, customer, clock, new("#", "#")) ?? new RenderedContent($"Does {sender} work?", null, test.Text, Name: "test");
            // Without unsubscribing and without a reference, by which the provider's reports would be taken for those of a send.
            return (new(customer.Workspace, customer.CustomerId, job, content with { Subject = Mark + content.Subject }), null);
        }
        catch (TemplateException fault)
        {
            return (null, new(SendOutcome.Failed, Detail: fault.Message));
        }
    }

    private static SendJob Job(CustomerKey customer, TestMessage test, DateTimeOffset now)
    {
        var profile = test.Profile ?? Views.Of(Profile.New(customer));
        var address = new TraitView("email", JsonText.FromString(System.Text.Json.JsonSerializer.Serialize(test.To)), now, Trigger, Trigger);
        return new()
        {
            // The provider's key of idempotency: each test is another message.
            DecisionId = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
            Attempt = 1,
            Trigger = Trigger,
            Key = null,
            Template = test.Template,
            Data = Data,
            EventName = test.EventName,
            EventProperties = test.EventProperties,
            DecidedAt = now,
            ExpiresAt = null,
            Profile = profile with { Traits = [.. profile.Traits.Where(static trait => trait.Name != "email"), address] },
            IsTransactional = true,
        };
    }
}
