namespace Orleans.Personalize.Gateway;

/// <summary>The gateway's part of the configuration section <c>Personalize</c>.</summary>
public sealed class GatewayOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Personalize";

    /// <summary>The shortest configured admin key; 16 random letters and digits hold about 95 bits.</summary>
    public const int AdminKeyLengthMin = 16;

    /// <summary>The longest one that still fits a header line with ease.</summary>
    public const int AdminKeyLengthMax = 256;

    /// <summary>Where the first start leaves its admin key, in the file <c>admin-key</c>. Default: <c>data</c>.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>
    /// A key that is accepted as admin of the workspace <c>default</c> and stored nowhere; 16 to 256 printable ASCII characters without spaces.
    /// Default: none, and the first start makes one.
    /// </summary>
    public string? AdminKey { get; set; }

    internal const string AdminKeyRule = "Personalize:AdminKey must have 16 to 256 printable ASCII characters without spaces.";

    internal bool HasUsableAdminKey => string.IsNullOrEmpty(AdminKey)
        || (AdminKey.Length is >= AdminKeyLengthMin and <= AdminKeyLengthMax && AdminKey.All(character => character is > ' ' and < '\x7f'));
}
