using System.Text.Json;

namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>The one way of writing of what <see cref="CustomerEvent.Identities"/> holds, so that every source means the same.</summary>
public static class Identities
{
    /// <summary>More of one event are not kept: no source knows a customer by more.</summary>
    public const int CountMax = 16;

    /// <summary>What an id begins with that is not the shop's own, but stands for whoever has that address, number, order or cart.</summary>
    private static readonly string[] ProvisionalPrefixes = ["email:", "phone:", "order:", "cart:"];

    /// <summary>As <c>email:ada@example.org</c>, in lower case; null for what is no address.</summary>
    public static string? Email(string? address)
    {
        address = address?.Trim();
        return Suppressions.IsAddress(address) ? $"email:{Suppressions.Canonical(address!)}" : null;
    }

    /// <summary>
    /// As <c>phone:+4930123456</c> (E.164); null for what is none: without the country's code nobody can tell whose it is.
    /// </summary>
    public static string? Phone(string? number)
    {
        if (number is null || number.Length > 64)
            return null;
        var digits = string.Concat(number.Where(static character => character is not (' ' or '-' or '.' or '(' or ')' or '/' or '\u00a0')));
        return digits is ['+', >= '1' and <= '9', ..] && digits.Length is >= 8 and <= 16 && digits.Skip(1).All(char.IsAsciiDigit) ? $"phone:{digits}" : null;
    }

    /// <summary>Those that are there, each once and without the customer's own id; null where there are none.</summary>
    public static string[]? Of(string? customer, params IEnumerable<string?> ids)
    {
        string[] known = [.. ids.OfType<string>().Where(id => IsId(id) && id != customer).Distinct(StringComparer.Ordinal).Take(CountMax)];
        return known.Length == 0 ? null : known;
    }

    /// <summary>The ids in <c>externalIds</c> of a Segment context: objects of <c>id</c> and <c>type</c>.</summary>
    internal static string?[] External(ReadOnlySpan<byte> context)
    {
        var raw = JsonObjects.Member(context, "externalIds");
        if (raw is not [(byte)'[', ..])
            return [];
        using var document = JsonDocument.Parse(raw.ToArray());
        return [.. document.RootElement.EnumerateArray().Take(CountMax).Select(External)];
    }

    /// <summary>See <see cref="CustomerEvent.IsProvisional"/>: an event says so itself, or its customer's id does.</summary>
    internal static bool IsProvisional(string customer, CustomerEvent happened) =>
        happened.IsProvisional || Array.Exists(ProvisionalPrefixes, prefix => customer.StartsWith(prefix, StringComparison.Ordinal));

    private static string? External(JsonElement external) => (MailEvent.Text(external, "type"), MailEvent.Text(external, "id")) switch
    {
        (null, _) or (_, null) => null,
        ("email", var address) => Email(address),
        ("phone", var number) => Phone(number),
        var (type, id) => $"{type}:{id}",
    };

    internal static bool IsId(string? id) => id is { Length: > 0 and <= CustomerKey.CustomerIdLengthMax } && !id.Any(char.IsControl);
}
