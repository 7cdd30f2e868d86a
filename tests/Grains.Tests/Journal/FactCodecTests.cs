using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Journal;

/// <summary>
/// The golden files are records as they were once written, one a fact type and version. They are never edited: a changed shape gets a new
/// version and a file of its own, and the old one must still be read. The first byte of a record is left out of the file, its line end is not part of it.
/// </summary>
public sealed class FactCodecTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 12, 12, 0, 0, TimeSpan.Zero);
    private static readonly Stamp First = new(At, "m-1");
    private static readonly Stamp Last = new(At.AddTicks(36_000_000_001), "m-2 \"é😀\"");
    private const string Id = "00112233445566778899aabbccddeeff";

    private static readonly KeptEvent Kept = new(EventType.Track, "Product Added", "segment", First, JsonText.FromString("""{"cart_id":"cart-7"}"""));

    /// <summary>All that a merge hands over: a profile in every part of it is stored for ever.</summary>
    private static readonly Profile State = new()
    {
        Key = new("shop", "visitor-1"),
        Version = 12,
        FirstSeenAt = At,
        LastSeenAt = Last.At,
        Traits = [new("plan", JsonText.FromString("\"gold\""), First, "segment", 2)],
        Consents = [new("email", JsonText.FromString("false"), First, "segment", 0)],
        Counters = [new("Product Added", 2, At, Last.At, [At, Last.At])],
        Recent = [new(First, EventType.Track, "Product Added", "segment")],
        Cart = new(First, [new(Last, false, "p1", 2, "cart-7", "Lamp", 9.5m, "https://shop.example/p1", null)]),
        Orders = [new("o1", First, OrderStatus.Completed, First, 12.5m, "EUR", First)],
        Waits = [new("cart-abandoned", 3, "cart-7", new(First, [First, Last]), At.AddHours(1), Kept, IsMoved: true)],
        Marks = [new("cart-abandoned", "cart-7", First, At)],
        Tallies = [new("cart-abandoned", [new(Id, At)])],
        ChannelTallies = [new("email", [new(Id, At)])],
        Sends =
        [
            new(
                Id, "cart-abandoned", "cart-7", new("mail", "cart", "email", default, 100, At, At.AddHours(6), "offers"), At, Last, Kept, SendState.Sent, 1, At,
                ProviderId: "provider-1", Content: "main", Engagement: new(DeliveredAt: At)),
        ],
        Decisions = [new(Id, "cart-abandoned", 3, "cart-7", At, true, null, null)],
        Identities = [new("visitor-2", IdentityState.Linked, Id, At, "key 7", "visitor-0", null, DedupeWindow.Empty.Add(1, 2, At, At))],
        Merge = new("ada", Id, At, IsHandedOver: false),
        IsKnown = true,
        Window = DedupeWindow.Empty.Add(ulong.MaxValue, 2, At, At),
    };

    /// <summary>Each file with the fact it holds, and whether the current version writes it just so.</summary>
    private static readonly (string File, Fact Fact, bool IsCurrent)[] Golden =
    [
        ("eventApplied.v1", new Fact.EventApplied(
            new()
            {
                MessageId = "m-1",
                Type = EventType.Track,
                Name = "Product Added",
                OccurredAt = At,
                ReceivedAt = At.AddMilliseconds(1),
                Source = "segment",
                SourcePriority = 2,
                Properties = JsonText.FromString("""{ "price" : 1.50, "name":"\u00e9" }"""),
                Traits = JsonText.FromString("""{"plan":null}"""),
                Consent = JsonText.FromString("""{"email":true}"""),
                Fingerprint = ulong.MaxValue,
            },
            Late: true), true),
        ("eventApplied.least.v1", new Fact.EventApplied(
            new() { MessageId = "m-2", Type = EventType.Page, OccurredAt = At, ReceivedAt = At, Source = "api" }, Late: false), true),
        ("unlessSeen.v1", new Fact.UnlessSeen("cart-abandoned", "cart-7", Last), true),
        ("unlessSeen.least.v1", new Fact.UnlessSeen("cart-abandoned", null, First), true),
        ("waitArmed.v1", new Fact.WaitArmed("cart-abandoned", 3, "cart-7", First, At.AddHours(1)), true),
        ("waitMoved.v1", new Fact.WaitMoved("cart-abandoned", "cart-7", At.AddHours(2), At, "by key 7: they called"), true),
        ("waitMoved.least.v1", new Fact.WaitMoved("cart-abandoned", null, At, At, "by key 7"), true),
        ("eventApplied.told.v1", new Fact.EventApplied(
            new()
            {
                MessageId = "m-3",
                Type = EventType.Identify,
                OccurredAt = At,
                ReceivedAt = At,
                Source = "crm",
                IsHistory = true,
                Identities = ["visitor-1", "email:ada@example.org"],
                IsProvisional = true,
                Via = "visitor-2",
            },
            Late: false), true),
        ("identityClaimed.v1", new Fact.IdentityClaimed("visitor-1", Id, At, "key 7: they called", IsForced: true), true),
        ("identityClaimed.least.v1", new Fact.IdentityClaimed("visitor-1", Id, At), true),
        ("identityRefused.v1", new Fact.IdentityRefused("visitor-1", Id, "eve", At), true),
        ("identityLinked.v1", new Fact.IdentityLinked("visitor-1", Id, At, "visitor-2"), true),
        ("mergeStarted.v1", new Fact.MergeStarted("ada", Id, At, "key 7"), true),
        ("mergeAbandoned.v1", new Fact.MergeAbandoned(Id, At), true),
        ("mergeCompleted.v1", new Fact.MergeCompleted(Id, "ada", At), true),
        ("customerAbsorbed.v1", new Fact.CustomerAbsorbed("visitor-1", Id, At, State, State.Waits), true),
        ("identityParting.v1", new Fact.IdentityParting("visitor-1", At, "key 7: a mistake", State, new(["visitor-1", "visitor-2"], State.Waits, State.Sends)), true),
        ("identityParted.v1", new Fact.IdentityParted("visitor-1", At), true),
        ("mergeUndone.v1", new Fact.MergeUndone(Id, At, "key 7: a mistake", new(["visitor-1"], State.Waits, State.Sends)), true),
        ("decided.send.v1", new Fact.Decided
        {
            DecisionId = Id,
            Trigger = "cart-abandoned",
            TriggerVersion = 3,
            Key = "cart-7",
            At = At.AddHours(1),
            DecidedAt = At.AddHours(1).AddSeconds(1),
            ArmedBy = First,
            ArmedThrough = Last,
            Wait = new(Last, At.AddHours(2), Fired: true),
            Send = new("email", "cart", "email", JsonText.FromString("""{"a":[1]}"""), 100, At.AddHours(9), At.AddHours(10)),
        }, true),
        ("decided.suppressed.v1", new Fact.Decided
        {
            DecisionId = Id,
            Trigger = "cart-abandoned",
            TriggerVersion = 3,
            At = At,
            DecidedAt = At,
            ArmedBy = First,
            ArmedThrough = First,
            Reason = Reason.Condition,
            Detail = "/if: profile.cart.items is 0, not gt 0",
        }, true),
        ("decided.transactional.v1", new Fact.Decided
        {
            DecisionId = Id,
            Trigger = "receipt",
            TriggerVersion = 1,
            At = At,
            DecidedAt = At,
            ArmedBy = First,
            ArmedThrough = First,
            Send = new("email", null, "email", default, 0, At, null, "orders", IsTransactional: true),
        }, true),
        ("sendAuthorized.v1", new Fact.SendAuthorized(Id, 2, At), true),
        ("sendAuthorized.holds.v1", new Fact.SendAuthorized(Id, 1, At, Holds: true), true),
        ("sendSettled.held.v1", new Fact.SendSettled(Id, SendState.Held, At, Reason.Unknown, "no answer", NextAttemptAt: At.AddDays(7), Content: "last-known"), true),
        ("sendSettled.parked.v1", new Fact.SendSettled(Id, SendState.Parked, At, Reason.Breaker, NextAttemptAt: At.AddSeconds(30)), true),
        ("sendSettled.v1", new Fact.SendSettled(Id, SendState.Pending, At, Reason.Provider, "503", "p-1", At.AddMinutes(5)), true),
        ("sendSettled.least.v1", new Fact.SendSettled(Id, SendState.Sent, At), true),
    ];

    public static TheoryData<int> Files => [.. Enumerable.Range(0, Golden.Length)];

    private static string Folder => Path.Combine(Path.GetDirectoryName(ThisFile())!, "golden");

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private static byte[] Record(string json) => [1, .. Encoding.UTF8.GetBytes(json)];

    [Theory]
    [MemberData(nameof(Files))]
    public void What_was_ever_written_is_read_for_ever(int index)
    {
        var (file, fact, isCurrent) = Golden[index];
        var record = Record(File.ReadAllText(Path.Combine(Folder, $"{file}.json")).TrimEnd('\n'));
        var read = Assert.Single(FactCodec.Decode(record));
        Assert.Equal(fact.GetType(), read.GetType());
        // Lists are equal when they read the same.
        Assert.Equal(Encoding.UTF8.GetString(FactCodec.Encode([fact])), Encoding.UTF8.GetString(FactCodec.Encode([read])));
        if (isCurrent)
            Assert.Equal(Encoding.UTF8.GetString(record), Encoding.UTF8.GetString(FactCodec.Encode([fact])));
    }

    [Fact]
    public void Every_golden_file_is_read_and_every_fact_type_has_one()
    {
        Assert.Equal(
            Directory.GetFiles(Folder).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal),
            Golden.Select(static entry => entry.File).Order(StringComparer.Ordinal));
        Assert.Equal(
            typeof(Fact).GetNestedTypes().Where(static type => type.IsSubclassOf(typeof(Fact))).ToHashSet(),
            Golden.Select(static entry => entry.Fact.GetType()).ToHashSet());
    }

    [Fact]
    public void A_record_holds_the_facts_of_a_turn_in_order()
    {
        ImmutableArray<Fact> facts = [.. Golden.Select(static entry => entry.Fact)];
        var read = FactCodec.Decode(FactCodec.Encode(facts));
        Assert.Equal(facts.Select(static fact => fact.GetType()), read.Select(static fact => fact.GetType()));
        Assert.Equal(FactCodec.Encode(facts), FactCodec.Encode(read));
        Assert.Empty(FactCodec.Decode(FactCodec.Encode([])));
    }

    [Fact]
    public void Reading_for_people_tells_the_stored_name_and_text()
    {
        var (type, fact, data) = Assert.Single(FactCodec.Read(FactCodec.Encode([Golden[^2].Fact])));
        Assert.Equal(("sendSettled", Golden[^2].Fact), (type, fact));
        Assert.Equal("pending", (string?)JsonNode.Parse(data.Utf8.Span)!["state"]);
    }

    [Theory]
    [InlineData("""[{"type":"sendForgotten","v":1,"data":{}}]""", "unknown type 'sendForgotten'")]
    [InlineData("""[{"type":"sendAuthorized","v":2,"data":{}}]""", "version 2 of 'sendAuthorized'")]
    [InlineData("""[{"type":"sendAuthorized","v":0,"data":{}}]""", "version 0 of 'sendAuthorized'")]
    [InlineData("""[{"type":"sendAuthorized","v":1,"data":null}]""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized","v":1,"data":[]}]""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized","v":1,"data":{"decisionId":null,"attempt":1,"at":"2026-01-12T12:00:00+00:00"}}]""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized","v":1,"data":{"decisionId":"a","attempt":"1","at":"2026-01-12T12:00:00+00:00"}}]""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized","v":1,"data":{"decisionId":"a","attempt":1,"at":"yesterday"}}]""", "damaged")]
    [InlineData("""[{"type":"sendSettled","v":1,"data":{"decisionId":"a","state":"vanished","at":"2026-01-12T12:00:00+00:00"}}]""", "damaged")]
    [InlineData("""[{"type":"decided","v":1,"data":{"decisionId":"a"}}]""", "damaged")]
    [InlineData("""[{"type":"eventApplied","v":1,"data":{"event":{"messageId":"m"},"late":false}}]""", "damaged")]
    [InlineData("""[{"type":"eventApplied","v":1,"data":{"event":5,"late":false}}]""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized","v":1}]""", "damaged")]
    [InlineData("""[{"v":1,"data":{}}]""", "damaged")]
    [InlineData("""[{"type":7,"v":1,"data":{}}]""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized","v":"1","data":{}}]""", "damaged")]
    [InlineData("""[7]""", "damaged")]
    [InlineData("""{}""", "damaged")]
    [InlineData("""[{"type":"sendAuthorized",""", "damaged")]
    [InlineData("[] []", "damaged")]
    public void What_cannot_be_understood_is_an_error_and_never_skipped(string json, string message) =>
        Assert.Contains(message, Assert.Throws<FormatException>(() => FactCodec.Decode(Record(json))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("01")]
    [InlineData("025B5D")]
    public void Another_format_is_an_error(string hex) =>
        Assert.Throws<FormatException>(() => FactCodec.Decode(Convert.FromHexString(hex)));
}
