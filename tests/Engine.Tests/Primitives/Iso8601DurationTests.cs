namespace Orleans.Personalize.Engine.Primitives;

public sealed class Iso8601DurationTests
{
    [Theory]
    [InlineData("PT1H", 3600)]
    [InlineData("PT1M", 60)]
    [InlineData("P1D", 86400)]
    [InlineData("P2W", 1209600)]
    [InlineData("P1W1D", 691200)]
    [InlineData("PT90M", 5400)]
    [InlineData("P1DT2H3M4S", 93784)]
    [InlineData("PT1H30S", 3630)]
    [InlineData("PT0.5S", 0.5)]
    [InlineData("PT0S", 0)]
    [InlineData("PT999999999S", 999999999)]
    public void Durations_of_fixed_length_are_read(string text, double seconds)
    {
        Assert.True(Iso8601Duration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData("PT")]
    [InlineData("P1DT")]
    [InlineData("1H")]
    [InlineData("P1H")]
    [InlineData("P1M")]
    [InlineData("P1Y")]
    [InlineData("pt1h")]
    [InlineData("-PT1H")]
    [InlineData("PT-1H")]
    [InlineData("PT1,5S")]
    [InlineData("PT1.5H")]
    [InlineData("PT.5S")]
    [InlineData("PT1H ")]
    [InlineData("PT1H\n")]
    [InlineData("PT1M1H")]
    [InlineData("PT١H")]
    [InlineData("PT1000000000S")]
    [InlineData("P999999999W")]
    [InlineData("PT0.00000001S")]
    public void Anything_else_is_not(string text) => Assert.False(Iso8601Duration.TryParse(text, out _));
}
