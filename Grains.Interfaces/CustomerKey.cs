namespace Orleans.Personalize;

/// <summary>The identity of a customer and the key of its grain, written <c>workspace/customerId</c>.</summary>
public readonly record struct CustomerKey(string Workspace, string CustomerId)
{
    /// <summary>The longest accepted customer id, in UTF-16 code units.</summary>
    public const int CustomerIdLengthMax = 256;

    /// <summary>How many deadline shards share the customers of a cluster. A stored number: changing it needs a migration.</summary>
    public const int Shards = 16;

    /// <summary>The workspace ends at the first slash, so a customer id may hold slashes and a workspace name may not.</summary>
    /// <exception cref="FormatException">There is no slash, or nothing before or after it.</exception>
    public static CustomerKey Parse(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && slash < key.Length - 1
            ? new CustomerKey(key[..slash], key[(slash + 1)..])
            : throw new FormatException($"'{key}' is not of the form workspace/customerId.");
    }

    /// <summary>The deadline shard of a grain key, 0 to <see cref="Shards"/> − 1: 32-bit FNV-1a over its UTF-16 code units, modulo.</summary>
    public static int ShardOf(string key)
    {
        var hash = 2166136261u;
        foreach (var unit in key)
            hash = (hash ^ unit) * 16777619u;
        return (int)(hash % Shards);
    }

    public override string ToString() => $"{Workspace}/{CustomerId}";
}
