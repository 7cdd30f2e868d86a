namespace Orleans.Runtime;

/// <summary>The identity of a grain, written <c>type/key</c>.</summary>
public readonly record struct GrainId(GrainType Type, IdSpan Key)
{
    public static GrainId Create(string type, string key) => Create(GrainType.Create(type), key);

    public static GrainId Create(GrainType type, string key)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        return new GrainId(type, IdSpan.Create(key));
    }

    /// <summary>The type ends at the first slash.</summary>
    /// <exception cref="ArgumentException">There is no slash.</exception>
    public static GrainId Parse(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0
            ? new GrainId(GrainType.Create(value[..slash]), IdSpan.Create(value[(slash + 1)..]))
            : throw new ArgumentException($"Unable to parse \"{value}\" as a grain id", nameof(value));
    }

    public bool IsDefault => Type.IsDefault && Key.IsDefault;

    public override string ToString() => $"{Type}/{Key}";
}

/// <summary>The name of a grain class within ids: the class name in lower case without a final "grain".</summary>
public readonly record struct GrainType
{
    private readonly string? value;

    private GrainType(string value) => this.value = value;

    public static GrainType Create(string value) => new(value);

    public bool IsDefault => string.IsNullOrEmpty(value);

    public override string ToString() => value ?? "";

    internal static GrainType Of(Type grainClass)
    {
        var name = grainClass.Name.ToLowerInvariant();
        return Create(name.EndsWith("grain", StringComparison.Ordinal) && name.Length > "grain".Length ? name[..^"grain".Length] : name);
    }
}

/// <summary>A grain's key within its type.</summary>
public readonly record struct IdSpan
{
    private readonly string? value;

    private IdSpan(string value) => this.value = value;

    public static IdSpan Create(string id) => new(id);

    public bool IsDefault => string.IsNullOrEmpty(value);

    public override string ToString() => value ?? "";
}
