namespace Orleans.Personalize.Gateway.Connectors;

/// <summary>The one way of writing of what <see cref="CustomerEvent.Identities"/> holds, so that every source means the same.</summary>
public static class Identities
{
    /// <summary>More of one event are not kept: no source knows a customer by more.</summary>
    public const int CountMax = 8;

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

    internal static bool IsId(string? id) => id is { Length: > 0 and <= CustomerKey.CustomerIdLengthMax } && !id.Any(char.IsControl);
}
