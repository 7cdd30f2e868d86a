namespace Orleans.Personalize.Engine;

/// <summary>An event's place in its customer's history: events are ordered by (occurredAt, messageId), whatever order they arrive in.</summary>
public readonly record struct Stamp(DateTimeOffset At, string MessageId) : IComparable<Stamp>
{
    public int CompareTo(Stamp other)
    {
        var byTime = At.CompareTo(other.At);
        return byTime != 0 ? byTime : string.CompareOrdinal(MessageId, other.MessageId);
    }

    public static Stamp Of(CustomerEvent happened) => new(happened.OccurredAt, happened.MessageId);

    public static bool operator <(Stamp left, Stamp right) => left.CompareTo(right) < 0;

    public static bool operator >(Stamp left, Stamp right) => left.CompareTo(right) > 0;

    public static bool operator <=(Stamp left, Stamp right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Stamp left, Stamp right) => left.CompareTo(right) >= 0;
}
