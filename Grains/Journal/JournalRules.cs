using System.Buffers;
using System.Text;

namespace Orleans.Personalize.Journal;

/// <summary>What a write must be like before any journal takes it: checked on the way into the queue and again on the way into the store.</summary>
public static class JournalRules
{
    private static readonly SearchValues<char> Surrogates =
        SearchValues.Create(Enumerable.Range(0xD800, 0x800).Select(unit => (char)unit).ToArray());

    /// <exception cref="ArgumentException">The write contradicts itself, is too large, or names a customer that no store can hold.</exception>
    public static void ThrowIfMalformed(JournalWrite write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (Defect(write) is { } defect)
            throw new ArgumentException(defect, nameof(write));
    }

    /// <summary>True where every store can hold the text and give it back: no NUL, which PostgreSQL refuses, and no lone surrogate.</summary>
    public static bool IsStorable(string text) =>
        !text.Contains('\0', StringComparison.Ordinal) && (!text.AsSpan().ContainsAny(Surrogates) || IsWellFormed(text));

    /// <exception cref="ArgumentOutOfRangeException">A page has less than 1 or more than <paramref name="max"/> entries.</exception>
    public static void ThrowIfOutside(int limit, int max)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, max);
    }

    private static string? Defect(JournalWrite write) => write switch
    {
        { Size: > JournalLimits.PayloadBytesMax } => $"A payload has at the most {JournalLimits.PayloadBytesMax} bytes, not {write.Size}.",
        _ when write.Customer.IndexOf('/', StringComparison.Ordinal) <= 0 => "A customer is written workspace/customerId.",
        _ when write.Customer.Length > JournalLimits.CustomerLengthMax => $"A customer's key has at the most {JournalLimits.CustomerLengthMax} characters.",
        _ when !IsStorable(write.Customer) => "A customer's key is well-formed Unicode without NUL.",
        JournalWrite.Append { ExpectedVersion: < 0 } => "A version is not negative.",
        JournalWrite.Append { Payload.IsEmpty: true } append when append.Version != append.ExpectedVersion => "Without a record the version stays.",
        JournalWrite.Append { Payload.IsEmpty: false } append when append.Version <= append.ExpectedVersion => "A record raises the version.",
        JournalWrite.Snapshot { Version: < 1 } => "A snapshot is of a version from 1 on.",
        JournalWrite.Snapshot { Payload.IsEmpty: true } => "A snapshot is not empty.",
        _ => null,
    };

    private static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out var consumed) != OperationStatus.Done)
                return false;
            text = text[consumed..];
        }
        return true;
    }
}
