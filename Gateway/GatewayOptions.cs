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

    /// <summary>
    /// Where the recipients of mails reach this installation: the start of every link in a mail. Absolute, http or https, without query. Default:
    /// <c>http://127.0.0.1:5080</c>.
    /// </summary>
    public string PublicUrl { get; set; } = "http://127.0.0.1:5080";

    /// <summary>
    /// The keys of links in mails, each base64 of 32 bytes or more. The first makes links, all of them are accepted. Default: none, and the first start
    /// makes one in the file <c>link.key</c> of the data directory. All processes of a cluster need the same.
    /// </summary>
    public string[] LinkKeys { get; set; } = [];

    /// <summary>
    /// How many events a process takes in at a time; whoever comes while there are as many or more is answered 429 at once. 1 or more. Default: 4,096
    /// a processor, a tenth of a second's work or two.
    /// </summary>
    public int EventsUnderWayMax { get; set; } = 4_096 * Environment.ProcessorCount;

    /// <summary>Where people look at traces, such as <c>http://127.0.0.1:16686</c>: the dashboard links to it. Absolute, http or https. Default: none.</summary>
    public string? TracesUrl { get; set; }

    internal const string TracesUrlRule = "Personalize:TracesUrl must be an absolute http or https address, such as https://traces.example.com, without user name and password.";

    internal bool HasUsableTracesUrl => string.IsNullOrEmpty(TracesUrl)
        || (Uri.TryCreate(TracesUrl, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps) && url.UserInfo.Length == 0);

    internal const string PublicUrlRule = "Personalize:PublicUrl must be an absolute http or https address without query, such as https://mail.example.com.";

    internal const string LinkKeysRule = "Personalize:LinkKeys must each be base64 of 32 bytes or more, as 'openssl rand -base64 32' makes them.";

    internal bool HasUsablePublicUrl => Uri.TryCreate(PublicUrl, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url is { Query: "", Fragment: "", UserInfo: "" };

    internal bool HasUsableLinkKeys => LinkKeys.All(static key => Security.LinkKeys.Parse(key) is not null);

    internal const string AdminKeyRule = "Personalize:AdminKey must have 16 to 256 printable ASCII characters without spaces.";

    internal bool HasUsableAdminKey => string.IsNullOrEmpty(AdminKey)
        || (AdminKey.Length is >= AdminKeyLengthMin and <= AdminKeyLengthMax && AdminKey.All(character => character is > ' ' and < '\x7f'));
}
