using System.Globalization;
using System.Text.RegularExpressions;

namespace Orleans.Personalize.Engine;

/// <summary>
/// ISO 8601 durations of fixed length: weeks, days, hours, minutes and seconds (<c>P1D</c>, <c>PT1H30M</c>, <c>P2W</c>). Years and months are refused: how
/// long they are depends on when.
/// </summary>
public static partial class Iso8601Duration
{
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var match = Pattern().Match(text);
        if (!match.Success || text.EndsWith('T') || text == "P")
            return false;
        try
        {
            duration = TimeSpan.FromTicks(checked(
                (Part(match, "w") * 7 * TimeSpan.TicksPerDay)
                + (Part(match, "d") * TimeSpan.TicksPerDay)
                + (Part(match, "h") * TimeSpan.TicksPerHour)
                + (Part(match, "m") * TimeSpan.TicksPerMinute)
                + (long)(decimal.Parse("0" + match.Groups["s"].Value, CultureInfo.InvariantCulture) * TimeSpan.TicksPerSecond)));
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    private static long Part(Match match, string group) =>
        match.Groups[group] is { Success: true } found ? long.Parse(found.Value, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(
        @"^P((?<w>[0-9]{1,9})W)?((?<d>[0-9]{1,9})D)?(T((?<h>[0-9]{1,9})H)?((?<m>[0-9]{1,9})M)?((?<s>[0-9]{1,9}(\.[0-9]{1,7})?)S)?)?\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
