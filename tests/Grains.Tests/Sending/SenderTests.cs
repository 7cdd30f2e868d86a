using System.Text;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Sending;

public sealed class SenderTests
{
    private const string AtOnce = """{"on":{"event":"Viewed"},"send":{"sender":"mail"}}""";

#if ORLEANS
    /// <summary>Each takes a cluster of its own, and the seed does not choose the order of its threads.</summary>
    private const int Interleavings = 10;
#else
    private const int Interleavings = 1_000;
#endif

    [Fact]
    public async Task A_send_is_rendered_delivered_and_settled()
    {
        await using var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Template, "hello", """{"subject":"Hello","text":"You saw {{event.properties.product}}."}""");
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail","template":"hello"}}""");
        await fixture.Apply(fixture.Happens("Viewed", """{"product":"shoes"}"""));
        var send = await Sent(fixture, "sent");
        var message = Assert.Single(fixture.Sender.Delivered);
        Assert.Equal((GrainFixture.Workspace, "ada", send.DecisionId, 1), (message.Workspace, message.CustomerId, message.Job.DecisionId, message.Job.Attempt));
        Assert.Equal(new RenderedContent("Hello", null, "You saw shoes."), message.Content);
        Assert.Equal(["eventApplied", "decided", "sendAuthorized", "sendSettled"], await fixture.Facts());
    }

    [Fact]
    public async Task A_test_goes_out_at_once_says_that_it_is_one_and_is_recorded_nowhere()
    {
        await using var fixture = await Fixture();

        var report = await Test(fixture, new("ann@example.com", null, "hello", null, "Viewed", JsonText.FromString("""{"product":"shoes"}"""), "key-1"));

        Assert.Equal((SendOutcome.Sent, "[Test] Hello ann@example.com"), (report!.Outcome, report.Subject));
        var message = Assert.Single(fixture.Sender.Delivered);
        Assert.Equal(("test", "test", """{"test":true}"""), (message.CustomerId, message.Job.Trigger, message.Job.Data.ToString()));
        Assert.Equal((null, null), (message.Unsubscribe, message.Reference));
        Assert.Equal("You saw shoes. #", message.Content!.Text);
        Assert.Matches("^[0-9a-f]{32}$", message.Job.DecisionId);
        Assert.DoesNotContain(fixture.Journal.Appends, append => Text(append).Contains("decided", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_test_has_the_address_it_was_given_whatever_the_profile_says()
    {
        await using var fixture = await Fixture();
        await fixture.Apply(fixture.Happens("Viewed"));
        var profile = (await fixture.Read())! with
        {
            Traits = [new("email", JsonText.FromString("\"ada@example.com\""), fixture.Now, "api", "m"), new("first_name", JsonText.FromString("\"Ada\""), fixture.Now, "api", "m")],
        };

        await Test(fixture, new("ann@example.com", profile, null, "Hello", null, default, "key-1"));

        var message = Assert.Single(fixture.Sender.Delivered);
        Assert.Equal("ada", message.CustomerId);
        Assert.Equal(["first_name \"Ada\"", "email \"ann@example.com\""], message.Job.Profile.Traits.Select(static trait => $"{trait.Name} {trait.Value}"));
        Assert.Equal(("[Test] Does mail work?", "Hello"), (message.Content!.Subject, message.Content.Text));
    }

    [Fact]
    public async Task Tests_neither_open_the_breaker_nor_wait_for_it()
    {
        await using var fixture = await Fixture();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Retry, Detail: "no answer"));
        for (var test = 0; test < 30; test++)
            Assert.Equal("no answer", (await Test(fixture, new("ann@example.com", null, null, "Hello", null, default, "key-1")))!.Detail);
        Assert.Equal("closed", (await fixture.Run(static grains => grains.GetGrain<ISenderGrain>($"{GrainFixture.Workspace}/mail").Status())).Breaker);
        Assert.Null(await Test(fixture, new("ann@example.com", null, "nothing", null, null, default, "key-1")));
    }

    private static async Task<GrainFixture> Fixture()
    {
        var fixture = new GrainFixture();
        await fixture.Put(RegistryKind.Template, "hello", """{"subject":"Hello {{traits.email}}","text":"You saw {{event.properties.product}}. {{links.unsubscribe}}"}""");
        await fixture.PutTrigger("never", """{"on":{"event":"Never"},"send":{"sender":"mail"}}""");
        return fixture;
    }

    private static Task<TestReport?> Test(GrainFixture fixture, TestMessage message) =>
        fixture.Run(grains => grains.GetGrain<ISenderGrain>($"{GrainFixture.Workspace}/mail").Test(message));

    [Theory]
    [InlineData("""{"on":{"event":"Viewed"},"send":{"sender":"nobody"}}""", "There is no sender")]
    [InlineData("""{"on":{"event":"Viewed"},"send":{"sender":"mail","template":"nothing"}}""", "There is no template")]
    public async Task What_is_not_there_yet_is_tried_again(string trigger, string detail)
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", trigger);
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Until(() => fixture.Journal.Appends.Any(append => Text(append).Contains(detail, StringComparison.Ordinal)), TimeSpan.FromSeconds(3));
        Assert.Empty(fixture.Sender.Delivered);
        await fixture.Put(RegistryKind.Sender, "nobody", """{"type":"test"}""");
        await fixture.Put(RegistryKind.Template, "nothing", """{"text":"Hello"}""");
        Assert.Equal(2, (await Sent(fixture, "sent")).Attempts);
    }

    [Fact]
    public async Task What_the_provider_refuses_is_tried_again_after_the_pause_it_asked_for()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = (message, _) => Task.FromResult(message.Job.Attempt == 1
            ? new Delivery(SendOutcome.Retry, Detail: "busy", RetryAfter: TimeSpan.FromSeconds(40))
            : new Delivery(SendOutcome.Sent));
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        var start = fixture.Now;
        await Sent(fixture, "sent");
        Assert.Equal([1, 2], fixture.Sender.Delivered.Select(message => message.Job.Attempt));
        Assert.Single(fixture.Sender.Delivered.Select(message => message.Job.DecisionId).Distinct());
        Assert.InRange(fixture.Now - start, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(42));
    }

    [Fact]
    public async Task A_send_that_cannot_succeed_fails()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Failed, Detail: "no such address"));
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Equal("provider", (await Sent(fixture, "failed")).Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_delivery_that_takes_too_long_is_tried_again(bool isPolite)
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = async (message, cancellation) =>
        {
            if (message.Job.Attempt == 1)
                await Task.Delay(Timeout.InfiniteTimeSpan, fixture.Time, isPolite ? cancellation : CancellationToken.None);
            return new(SendOutcome.Sent);
        };
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Until(() => fixture.Journal.Appends.Any(append => Text(append).Contains("No answer within 60 s.", StringComparison.Ordinal)), TimeSpan.FromSeconds(62));
        Assert.Equal(2, (await Sent(fixture, "sent")).Attempts);
    }

    [Fact]
    public async Task A_settlement_that_fails_is_repeated_and_nothing_goes_out_twice()
    {
        await using var fixture = new GrainFixture();
        var failures = 0;
        fixture.Journal.BeforeCommit = batch => batch.OfType<JournalWrite.Append>().Any(append => Text(append).Contains("sendSettled", StringComparison.Ordinal)) && ++failures <= 2
            ? throw new IOException("The disk failed.")
            : Task.CompletedTask;
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Until(() => failures == 3, TimeSpan.FromSeconds(10));
        await Sent(fixture, "sent");
        Assert.Single(fixture.Sender.Delivered);
    }

    [Fact]
    public async Task An_attempt_that_was_lost_with_its_silo_is_repeated_under_the_same_id()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = (message, _) => message.Job.Attempt == 1 ? new TaskCompletionSource<Delivery>().Task : Task.FromResult(new Delivery(SendOutcome.Sent));
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        await fixture.Until(() => fixture.Sender.Delivered.Count == 1, TimeSpan.FromSeconds(10));
        await fixture.Crash();
        await Sent(fixture, "sent");
        Assert.Equal([1, 2], fixture.Sender.Delivered.Select(message => message.Job.Attempt));
        Assert.Single(fixture.Sender.Delivered.Select(message => message.Job.DecisionId).Distinct());
    }

    [Fact]
    public async Task What_expires_before_it_can_be_delivered_is_not_sent()
    {
        await using var fixture = new GrainFixture();
        fixture.Sender.Script = static (_, _) => Task.FromResult(new Delivery(SendOutcome.Retry));
        await fixture.PutTrigger("seen", """{"on":{"event":"Viewed"},"send":{"sender":"mail","expires":"PT1M"}}""");
        await fixture.Apply(fixture.Happens("Viewed"));
        Assert.Equal("expired", (await Sent(fixture, "expired")).State);
        Assert.Equal(2, fixture.Sender.Delivered.Count);
    }

    [Fact]
    public async Task An_answer_to_an_unknown_send_or_a_passed_attempt_changes_nothing()
    {
        await using var fixture = new GrainFixture();
        await fixture.PutTrigger("seen", AtOnce);
        await fixture.Apply(fixture.Happens("Viewed"));
        var send = await Sent(fixture, "sent");
        var facts = await fixture.Facts();
        var customer = await fixture.Run(async grains =>
        {
            var customer = grains.GetGrain<ICustomerGrain>(GrainFixture.Ada);
            await customer.Settle("unknown", new SendReport(1, SendOutcome.Sent, null, null));
            await customer.Settle(send.DecisionId, new SendReport(1, SendOutcome.Failed, null, null));
            return (await customer.Authorize("unknown", holds: false), await customer.Authorize(send.DecisionId, holds: false));
        });
        Assert.Equal((null, null), (customer.Item1.Job, customer.Item2.Job));
        Assert.Equal(facts, await fixture.Facts());
    }

    [Fact]
    public async Task A_purchase_acknowledged_before_the_authorization_suppresses_the_mail()
    {
        var (sent, suppressed) = (0, 0);
        for (var seed = 1; seed <= Interleavings; seed++)
        {
            await using var fixture = new GrainFixture(seed);
            var random = new Random(seed);
            await fixture.PutTrigger("left", """
                {"on":{"event":"Viewed"},"wait":{"for":"PT10S"},"unless":[{"event":"Bought"}],"send":{"sender":"mail"}}
                """);
            await fixture.Apply(fixture.Happens("Viewed"));
            fixture.Journal.BeforeCommit = _ => Task.Delay(TimeSpan.FromMilliseconds(random.Next(5)), fixture.Time);
            await fixture.Advance(TimeSpan.FromMilliseconds(9_998 + random.Next(12)));
            await fixture.Answer(fixture.StartApply(fixture.Happens("Bought")));
            await fixture.Advance(TimeSpan.FromMinutes(1));

            var facts = await fixture.Facts();
            var wasAuthorized = facts.Contains("sendAuthorized");
            if (wasAuthorized)
                Assert.True(Array.IndexOf(facts, "sendAuthorized") < Array.IndexOf(facts, "unlessSeen"), $"Seed {seed}: {string.Join(' ', facts)}");
            Assert.True(fixture.Sender.Delivered.Count == (wasAuthorized ? 1 : 0), $"Seed {seed}: {string.Join(' ', facts)}");
            _ = wasAuthorized ? sent++ : suppressed++;
        }
        Assert.True(sent + suppressed < 50 || (sent > 5 && suppressed > 5), $"One-sided: {sent} sent, {suppressed} suppressed.");
    }

    /// <summary>Waits until the only send of Ada is in a state.</summary>
    private static async Task<SendView> Sent(GrainFixture fixture, string state)
    {
        for (var i = 0; i < 1_000; i++)
        {
            if ((await fixture.Read())?.Sends is [var send, ..] && send.State == state)
                return send;
            await fixture.Advance(TimeSpan.FromMilliseconds(500));
        }
        throw new TimeoutException($"The send is not {state}: {string.Join(' ', await fixture.Facts())}.");
    }

    private static string Text(JournalWrite.Append append) => Encoding.UTF8.GetString(append.Payload.Span);
}
