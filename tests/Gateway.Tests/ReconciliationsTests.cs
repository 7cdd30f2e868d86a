using System.Text;
using Orleans.Personalize.Gateway.Connectors;
using Orleans.Personalize.Testing;
using static Orleans.Personalize.Tests.GatewayServer;

namespace Orleans.Personalize.Tests;

public sealed class ReconciliationsTests : IAsyncLifetime
{
    private const string Mapping = """
        {"customer":"/id","type":{"value":"identify"},"occurredAt":"/changed","traits":{"email":"/email","plan":"/plan"},"consent":{"email":"/news"}}
        """;

    private const string Snapshot = "id,email,plan,news,changed\nada,ada@x.y,gold,true,2026-02-01\nbob,bob@x.y,,,2026-02-01\n,x,,,\n";

    private static readonly DateTimeOffset January = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), March = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private GatewayServer server = null!;

    public async Task InitializeAsync()
    {
        server = await StartAsync();
        server.Grains.Customer("default/ada").View = View(
            "ada", [Trait("email", "\"ada@x.y\"", March), Trait("plan", "\"silver\"", January)], [Trait("email", "false", March)]);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_snapshot_is_compared_field_by_field_and_nothing_changes()
    {
        var findings = (await PostAsync("")).GetProperty("findings");

        Assert.Equal(1, findings.GetProperty("customersMissing").GetInt32());
        var fields = findings.GetProperty("fields");
        Assert.Equal("""{"equal":0,"missing":0,"stale":0,"conflicting":1,"repaired":0}""", fields.GetProperty("consent.email").GetRawText());
        Assert.Equal("""{"equal":1,"missing":1,"stale":0,"conflicting":0,"repaired":0}""", fields.GetProperty("email").GetRawText());
        Assert.Equal("""{"equal":0,"missing":0,"stale":1,"conflicting":0,"repaired":0}""", fields.GetProperty("plan").GetRawText());
        var stale = findings.GetProperty("samples").EnumerateArray().Single(sample => sample.Text("finding") == "stale");
        Assert.Equal(("ada", "plan", "gold", "silver", "shop"), (stale.Text("customer"), stale.Text("field"), stale.Text("theirs"), stale.Text("ours"), stale.Text("oursSource")));
        Assert.All(server.Grains.Customers.Values, customer => Assert.Empty(customer.Applied));
    }

    [Fact]
    public async Task A_repair_applies_what_is_missing_or_stale_and_nothing_else()
    {
        var ada = server.Grains.Customer("default/ada");
        var applied = new List<CustomerEvent>();
        ada.OnApply = events =>
        {
            applied.AddRange(events);
            ada.View = View("ada", [Trait("email", "\"ada@x.y\"", March), Trait("plan", "\"gold\"", events[0].OccurredAt)], [Trait("email", "false", March)]);
            return Task.FromResult(Array.ConvertAll(events, one => new Receipt(one.MessageId, ReceiptStatus.Accepted, 2)));
        };

        var repaired = (await PostAsync("&repair=true")).GetProperty("findings");
        var again = (await PostAsync("&repair=true")).GetProperty("findings");

        Assert.Equal(("""{"plan":"gold"}""", true, true), (applied[0].Traits.ToString(), applied[0].Consent.IsAbsent, applied[0].IsHistory));
        Assert.Single(applied);
        Assert.Equal("""{"equal":0,"missing":0,"stale":1,"conflicting":0,"repaired":1}""", repaired.GetProperty("fields").GetProperty("plan").GetRawText());
        Assert.Equal("""{"equal":1,"missing":0,"stale":0,"conflicting":0,"repaired":0}""", again.GetProperty("fields").GetProperty("plan").GetRawText());
    }

    private async Task<System.Text.Json.JsonElement> PostAsync(string more)
    {
        var response = await server.Admin.PostAsync(
            $"/v1/reconciliations?source=crm&mapping={Uri.EscapeDataString(Mapping)}{more}", Bytes(Encoding.UTF8.GetBytes(Snapshot), "text/csv"));
        Assert.Equal(201, (int)response.StatusCode);
        var done = await ReadAsync(response);
        Assert.Equal("""{"rows":3,"applied":2,"late":0,"duplicates":0,"bad":1}""", done.GetProperty("counts").GetRawText());
        return done;
    }

    private static TraitView Trait(string name, string value, DateTimeOffset at) => new(name, JsonText.FromString(value), at, "shop", "m");

    private static CustomerView View(string id, TraitView[] traits, TraitView[] consent) => FakeViews.Of(id) with { Traits = traits, Consent = consent };
}
