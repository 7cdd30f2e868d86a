#if !ORLEANS
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Sending;

/// <summary>What stands between a sender's queue and its provider, in virtual time.</summary>
public sealed class PipelineTests
{
    private const string AtOnce = """{"on":{"event":"Viewed"},"unless":[{"event":"Bought"}],"send":{"sender":"mail"}}""";
    private const string Brief = """{"on":{"event":"Glanced"},"send":{"sender":"mail","expires":"PT30M"}}""";

    [Fact]
    public async Task After_an_outage_of_an_hour_what_is_still_wanted_goes_out_at_the_senders_rate()
    {
        const int viewers = 120, glancers = 30, buyers = 40, rate = 10;
        await using var fixture = new GrainFixture();
        var isDown = true;
        var calls = 0;
        var arrivals = new List<(DateTimeOffset At, string Customer)>();
        fixture.Sender.Script = (message, _) =>
        {
            calls++;
            if (isDown)
                return Task.FromResult(new Delivery(SendOutcome.Retry, Detail: "Answered 503."));
            arrivals.Add((fixture.Now, message.CustomerId));
            return Task.FromResult(new Delivery(SendOutcome.Sent));
        };
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Put(RegistryKind.Trigger, "glanced", Brief);
        await fixture.Put(RegistryKind.Sender, "mail", $$$"""{"type":"test","rate":{"max":{{{rate}}},"per":"PT1S"}}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));

        // Events flow on: each is acknowledged while nothing can be sent.
        await Apply(fixture, "Viewed", 0, viewers);
        await Apply(fixture, "Glanced", viewers, glancers);
        await fixture.Advance(TimeSpan.FromMinutes(5));
        Assert.NotEqual("closed", (await Status(fixture)).Breaker);
        var parked = (await fixture.Read(Customer(viewers - 1)))!.Sends.Single();
        Assert.Equal(("parked", "breaker", 0), (parked.State, parked.Reason, parked.Attempts));
        await Apply(fixture, "Bought", 0, buyers);
        await fixture.Advance(TimeSpan.FromMinutes(55));
        // Ten until it opens, and then one now and again.
        Assert.InRange(calls, 11, 30);

        isDown = false;
        await fixture.Advance(TimeSpan.FromMinutes(12));
        Assert.Equal("closed", (await Status(fixture)).Breaker);
        Assert.Equal(
            Enumerable.Range(buyers, viewers - buyers).Select(Customer).Order(),
            arrivals.Select(arrival => $"{GrainFixture.Workspace}/{arrival.Customer}").Order());
        Assert.All(arrivals, arrival => Assert.InRange(arrivals.Count(other => other.At >= arrival.At && other.At < arrival.At + TimeSpan.FromSeconds(1)), 1, rate + 1));
        Assert.All(await States(fixture, 0, buyers), state => Assert.Equal("suppressed unless", state));
        Assert.All(await States(fixture, viewers, glancers), state => Assert.Equal("expired expired", state));
    }

    [Fact]
    public async Task No_more_deliveries_begin_at_once_than_the_sender_allows()
    {
        await using var fixture = new GrainFixture();
        var (underWay, most) = (0, 0);
        fixture.Sender.Script = async (_, cancellation) =>
        {
            most = Math.Max(most, ++underWay);
            await Task.Delay(TimeSpan.FromMilliseconds(100), fixture.Time, cancellation);
            underWay--;
            return new(SendOutcome.Sent);
        };
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Put(RegistryKind.Sender, "mail", """{"type":"test","concurrency":3}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await Apply(fixture, "Viewed", 0, 30);
        await fixture.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal((3, 30), (most, fixture.Sender.Delivered.Count));
    }

    [Fact]
    public async Task More_than_the_rate_lets_through_is_parked_and_comes_back()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Put(RegistryKind.Sender, "mail", """{"type":"test","rate":{"max":2,"per":"PT1S"}}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await Apply(fixture, "Viewed", 0, 40);
        Assert.Contains("parked rate", await States(fixture, 0, 40));
        await fixture.Advance(TimeSpan.FromMinutes(2));
        Assert.All(await States(fixture, 0, 40), state => Assert.Equal("sent ", state));
        Assert.Equal(40, fixture.Sender.Delivered.Count);
    }

    [Fact]
    public async Task A_burst_goes_out_as_fast_as_the_provider_takes_it()
    {
        const int customers = 3_000;
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = async (_, cancellation) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(40), fixture.Time, cancellation);
            return new(SendOutcome.Sent);
        };
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT60S"},"send":{"sender":"mail"}}""");
        var now = fixture.Now;
        await fixture.Run(grains => Task.WhenAll(Enumerable.Range(0, customers).Select(number =>
            grains.GetGrain<ICustomerGrain>(Customer(number)).Apply([fixture.Happens("Viewed") with { OccurredAt = now }]))));
        await fixture.Advance(now + TimeSpan.FromSeconds(60) - fixture.Now);
        // Sixteen at a time of 40 ms each are 400 a second; the last ones come back at their leisure.
        await fixture.Advance(TimeSpan.FromSeconds(3 * customers / 400));
        Assert.Equal(customers, fixture.Sender.Delivered.Count);
    }

    [Fact]
    public async Task Nobody_calls_a_provider_that_asked_for_a_pause()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = (message, _) => Task.FromResult(
            fixture.Sender.Delivered.Count == 1 ? new Delivery(SendOutcome.Retry, Detail: "Answered 429.", RetryAfter: TimeSpan.FromMinutes(2)) : new(SendOutcome.Sent));
        await fixture.PutTrigger("seen", AtOnce);
        await Apply(fixture, "Viewed", 0, 1);
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("open", (await Status(fixture)).Breaker);
        await Apply(fixture, "Viewed", 1, 20);
        await fixture.Advance(TimeSpan.FromSeconds(118));
        Assert.Single(fixture.Sender.Delivered);
        await fixture.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(22, fixture.Sender.Delivered.Count);
    }

    [Theory]
    [InlineData("", "pending", 1)]
    [InlineData(",\"unknown\":\"hold\"", "held", 1)]
    public async Task What_is_done_about_an_unknown_outcome_is_the_senders_choice(string more, string state, int attempts)
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (_, _) => throw new IOException("The connection was reset.");
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Put(RegistryKind.Sender, "mail", $$"""{"type":"test"{{more}}}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        var send = (await fixture.Read())!.Sends.Single();
        Assert.Equal((state, "unknown", attempts), (send.State, send.Reason, send.Attempts));
    }

    [Fact]
    public async Task The_send_remembers_which_content_went_out()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Template, "hello", """{"text":"Hello"}""");
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail","template":"hello"}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("default", (await fixture.Read())!.Sends.Single().Content);
    }

    [Fact]
    public async Task An_address_that_comes_onto_the_suppression_list_before_the_delivery_gets_nothing()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"wait":{"for":"PT10S"},"send":{"sender":"mail"}}""");
        await fixture.Apply(fixture.Happens("Viewed") with { Traits = JsonText.FromString("""{"email":"Ada@Example.com"}""") });
        await fixture.Run(grains => grains.GetGrain<ISuppressionGrain>(Suppressions.Key(GrainFixture.Workspace, "ada@example.com"))
            .Add([new("ada@example.com", Suppressions.Complaint, null, fixture.Now, "test")]));
        await fixture.Advance(TimeSpan.FromSeconds(11));
        var send = (await fixture.Read())!.Sends.Single();
        Assert.Equal(("suppressed", "suppression"), (send.State, send.Reason));
        Assert.Empty(fixture.Sender.Delivered);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(",\"topic\":\"offers\"", "offers")]
    public async Task Every_message_carries_its_way_out(string more, string? topic)
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Template, "hello", """{"text":"{{links.unsubscribe}} {{links.preferences}} {{content 'hero' 'png'}}"}""");
        await fixture.PutTrigger("seen", $$$"""{"on":{"event":"Viewed"},"send":{"sender":"mail","template":"hello"{{{more}}}}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        var message = fixture.Sender.Delivered.Single();
        var links = new SignedLinks(new Uri("https://mail.test"), [new byte[SignedLinks.KeyBytesMin]], fixture.Time);
        Assert.Equal(
            new LinkClaims(GrainFixture.Workspace, "ada", "email", topic, message.Job.DecisionId),
            links.Open(message.Unsubscribe!.Segments[^1], LinkPurpose.Unsubscribe));
        Assert.Equal(
            $"{message.Unsubscribe} {links.Preferences(GrainFixture.Workspace, "ada", message.Job.DecisionId)} {links.Content(GrainFixture.Workspace, "ada", "hero")}.png",
            message.Content!.Text);
        Assert.Equal(new LinkClaims(GrainFixture.Workspace, "ada", DecisionId: message.Job.DecisionId), links.Open(message.Reference, LinkPurpose.Reference));
    }

    [Fact]
    public async Task From_what_the_customer_asked_for_there_is_no_way_out()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail","transactional":true}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(fixture.Sender.Delivered.Single().Unsubscribe);
    }

    /// <summary>
    /// Before it authorizes, when it is authorized, while the request is on the wire, when it is answered, and when it is settled but not yet known to be.
    /// </summary>
    [Theory]
    [InlineData("authorize", "retry", "sent", 1)]
    [InlineData("authorized", "retry", "sent", 1)]
    [InlineData("wire", "retry", "sent", 2)]
    [InlineData("answered", "retry", "sent", 2)]
    [InlineData("settled", "retry", "sent", 1)]
    [InlineData("authorize", "hold", "sent", 1)]
    [InlineData("authorized", "hold", "held", 0)]
    [InlineData("wire", "hold", "held", 1)]
    [InlineData("answered", "hold", "held", 1)]
    [InlineData("settled", "hold", "sent", 1)]
    public async Task A_kill_at_any_step_neither_loses_a_send_nor_breaks_the_guarantee(string step, string unknown, string state, int arrivals)
    {
        await using var fixture = new GrainFixture();
        var (isKilled, killed) = (false, new TaskCompletionSource());
        async Task KillAt(string here)
        {
            if (isKilled || here != step)
                return;
            isKilled = true;
            killed.SetResult();
            await new TaskCompletionSource().Task;
        }
        var arrived = 0;
        fixture.Sender.Script = async (_, _) =>
        {
            await KillAt("authorized");
            arrived++;
            await KillAt("wire");
            await Task.Yield();
            return new(SendOutcome.Sent);
        };
        fixture.Journal.BeforeCommit = async batch =>
        {
            if (Has(batch, "sendAuthorized"))
                await KillAt("authorize");
            if (Has(batch, "sendSettled"))
                await KillAt("answered");
        };
        fixture.Journal.AfterCommit = async batch =>
        {
            if (Has(batch, "sendSettled"))
                await KillAt("settled");
        };
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Put(RegistryKind.Sender, "mail", $$"""{"type":"test","unknown":"{{unknown}}"}""");
        await fixture.Advance(TimeSpan.FromSeconds(1));
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Until(() => killed.Task.IsCompleted, TimeSpan.FromSeconds(30));
        await fixture.Crash();
        await fixture.Advance(TimeSpan.FromMinutes(15));

        Assert.Equal((state, arrivals), ((await fixture.Read())!.Sends.Single().State, arrived));
    }

    private static bool Has(IReadOnlyList<Journal.JournalWrite> batch, string fact) => batch.OfType<Journal.JournalWrite.Append>()
        .Any(append => System.Text.Encoding.UTF8.GetString(append.Payload.Span).Contains(fact, StringComparison.Ordinal));

    private static string Customer(int number) => $"{GrainFixture.Workspace}/customer-{number:000}";

    private static async Task Apply(GrainFixture fixture, string name, int first, int count)
    {
        for (var number = first; number < first + count; number++)
        {
            var (customer, happened) = (Customer(number), fixture.Happens(name));
            var receipts = await fixture.Run(grains => grains.GetGrain<ICustomerGrain>(customer).Apply([happened]));
            Assert.Equal(ReceiptStatus.Accepted, receipts.Single().Status);
        }
    }

    private static async Task<List<string>> States(GrainFixture fixture, int first, int count)
    {
        var states = new List<string>();
        for (var number = first; number < first + count; number++)
        {
            var send = (await fixture.Read(Customer(number)))!.Sends.Single();
            states.Add($"{send.State} {send.Reason}");
        }
        return states;
    }

    private static Task<SenderStatus> Status(GrainFixture fixture) =>
        fixture.Run(grains => grains.GetGrain<ISenderGrain>($"{GrainFixture.Workspace}/mail").Status());
}
#endif
