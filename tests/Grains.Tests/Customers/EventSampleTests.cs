using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Grains.Tests.Customers;

public sealed class EventSampleTests
{
    [Fact]
    public async Task A_sample_is_of_the_recorded_events_of_a_name_or_a_type()
    {
        await using var silo = new GrainFixture();
        await silo.Apply(
            silo.Happens("Product Added", """{"price":1}"""), silo.Happens("Product Added"), silo.Happens("Order Completed", """{"total":2}"""),
            silo.Happens("x") with { Type = EventType.Identify, Name = null, Traits = JsonText.FromString("""{"email":"a@b.c"}""") });

        var added = await SampleAsync(silo, EventType.Track, "Product Added");
        Assert.Equal(["""{"price":1}""", "{}"], added.Bodies.Select(static body => body.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal((1, silo.Now), (added.Customers, added.To));
        Assert.Equal("""{"email":"a@b.c"}""", Assert.Single((await SampleAsync(silo, EventType.Identify, null)).Bodies).ToString());
        Assert.Empty((await SampleAsync(silo, EventType.Page, null)).Bodies);
    }

    private static Task<EventSample> SampleAsync(GrainFixture silo, EventType type, string? name) =>
        silo.Run(grains => grains.GetGrain<IEventSampleGrain>(GrainFixture.Workspace).Sample(type, name));
}
