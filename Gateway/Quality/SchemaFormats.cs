using System.Collections.Frozen;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Orleans.Personalize.Gateway.Quality;

/// <summary>The formats of texts that a schema may ask for.</summary>
internal static partial class SchemaFormats
{
    /// <summary>The codes of ISO 4217 that are in use, without those of metals and tests (https://www.six-group.com/en/products-services/financial-information/data-standards.html).</summary>
    public static readonly FrozenSet<string> Currencies = (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB "
        + "EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL "
        + "MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
        + "SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG").Split(' ').ToFrozenSet();

    public static readonly string[] Names = ["date-time", "date", "email", "uri", "uuid", "currency"];

    public static bool Fits(string format, string text) => format switch
    {
        "date-time" => IsDateTime(text),
        "date" => IsDate(text),
        "email" => Suppressions.IsAddress(text),
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _) && UriStart().IsMatch(text),
        "uuid" => Guid.TryParseExact(text, "D", out _),
        "currency" => Currencies.Contains(text),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "The parser lets no other in."),
    };

    public static bool IsDate(string text) => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    /// <summary>A date-time of RFC 3339, section 5.6: with its offset; a leap second counts as the one before.</summary>
    public static bool IsDateTime(string text) =>
        DateTimePattern().Match(text) is { Success: true } match
        && IsDate(match.Groups["date"].Value)
        && int.Parse(match.Groups["hour"].ValueSpan) <= 23
        && int.Parse(match.Groups["minute"].ValueSpan) <= 59
        && int.Parse(match.Groups["second"].ValueSpan) <= 60
        && (!match.Groups["offsetHour"].Success || (int.Parse(match.Groups["offsetHour"].ValueSpan) <= 23 && int.Parse(match.Groups["offsetMinute"].ValueSpan) <= 59));

    [GeneratedRegex(
        @"^(?<date>\d{4}-\d{2}-\d{2})[Tt](?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})(\.\d{1,9})?([Zz]|[+-](?<offsetHour>\d{2}):(?<offsetMinute>\d{2}))\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DateTimePattern();

    /// <summary>A scheme (RFC 3986, section 3.1), and no space anywhere: what is lenient elsewhere lets them pass.</summary>
    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex UriStart();
}
