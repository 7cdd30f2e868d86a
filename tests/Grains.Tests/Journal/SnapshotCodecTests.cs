using System.Collections.Immutable;
using System.Text;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Journal;

public sealed class SnapshotCodecTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 12, 12, 0, 0, TimeSpan.Zero);

    private static Profile Busy()
    {
        var trigger = TriggerParser.Parse("t", 1, JsonText.FromString(
            """{ "on": { "event": "Product Added" }, "wait": { "for": "PT1H" }, "unless": [{ "event": "Order Completed" }], "send": { "sender": "mail" } }""")).Trigger!;
        var profile = Profile.New(new("shop", "ada/é😀"));
        foreach (var (name, minute) in (ImmutableArray<(string, int)>)[("Order Completed", -100), ("Product Added", -99), ("Product Added", 0)])
        {
            var happened = new CustomerEvent
            {
                MessageId = $"m{minute}",
                Type = EventType.Track,
                Name = name,
                OccurredAt = Now.AddMinutes(minute),
                ReceivedAt = Now.AddMinutes(minute),
                Source = "api",
                Properties = JsonText.FromString("""{"product_id":"p","order_id":"o","total":1.50}"""),
                Traits = JsonText.FromString("""{"name":"é","gone":null}"""),
                Consent = JsonText.FromString("""{"email":true}"""),
                Fingerprint = 7,
            };
            profile = Decider.Decide(profile, new Input.EventsArrived([happened]), new([trigger]), Now.AddMinutes(minute)).Profile;
        }
        return profile;
    }

    [Fact]
    public void A_profile_comes_back_whole()
    {
        var profile = Busy();
        var restored = SnapshotCodec.Decode(SnapshotCodec.Encode(profile))!;
        Assert.Equal(SnapshotCodec.Encode(profile), SnapshotCodec.Encode(restored));
        Assert.Equal((profile.Key, profile.Version, profile.Hash), (restored.Key, restored.Version, restored.Hash));
        Assert.Equal(profile.Window.Entries(), restored.Window.Entries());
        Assert.Equal((1, 1, 1, 1), (restored.Waits.Length, restored.Sends.Length, restored.Orders.Length, restored.Cart.Lines.Length));
    }

    [Fact]
    public void A_profile_of_which_nothing_is_known_comes_back_too()
    {
        var profile = Profile.New(new("shop", "nobody"));
        Assert.Equal(SnapshotCodec.Encode(profile), SnapshotCodec.Encode(SnapshotCodec.Decode(SnapshotCodec.Encode(profile))!));
    }

    [Fact]
    public void A_snapshot_of_another_version_or_format_is_ignored()
    {
        var snapshot = SnapshotCodec.Encode(Busy());
        Assert.Null(SnapshotCodec.Decode([]));
        Assert.Null(SnapshotCodec.Decode([2, .. snapshot.AsSpan(1)]));
        var text = Encoding.UTF8.GetString(snapshot, 1, snapshot.Length - 1);
        Assert.StartsWith("""{"v":4,""", text, StringComparison.Ordinal);
        Assert.Null(SnapshotCodec.Decode([1, .. Encoding.UTF8.GetBytes(text.Replace("{\"v\":4,", "{\"v\":1,", StringComparison.Ordinal))]));
    }

    [Fact]
    public void A_snapshot_of_another_version_is_ignored_whatever_its_shape() =>
        Assert.Null(SnapshotCodec.Decode([1, .. """{"v":1,"profile":{"traits":{}},"window":7}"""u8]));

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"v":4}""")]
    [InlineData("""{"v":4,"profile":{"key":"shop/ada","window":{"floor":"2026-01-12T12:00:00+00:00","entries":"AAAA"}}}""")]
    [InlineData("""{"v":4,"profile":{"key":"shop","window":{"floor":"2026-01-12T12:00:00+00:00","entries":""}}}""")]
    public void A_damaged_snapshot_is_ignored_for_the_facts_are_still_there(string json) =>
        Assert.Null(SnapshotCodec.Decode([1, .. Encoding.UTF8.GetBytes(json)]));
}
