using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>The roles a key may have.</summary>
internal static class Roles
{
    /// <summary>May only send events: the key that a browser shows to everyone.</summary>
    public const string Ingest = "ingest";

    /// <summary>May look at customers, triggers, templates and senders (without their secrets).</summary>
    public const string Read = "read";

    /// <summary>May also send events and change triggers, templates and senders.</summary>
    public const string Operate = "operate";

    /// <summary>May also erase customers and make and revoke keys.</summary>
    public const string Admin = "admin";

    public static readonly string[] All = [Ingest, Read, Operate, Admin];
}

/// <summary>What an endpoint asks of its caller.</summary>
/// <param name="AllowedRoles">Any of them will do; the least powerful comes first.</param>
internal sealed record Access(params string[] AllowedRoles)
{
    public static readonly Access Anyone = new(Roles.All);
    public static readonly Access SendEvents = new(Roles.Ingest, Roles.Operate, Roles.Admin);

    /// <summary>With a key that everybody can read in the page's source.</summary>
    public static readonly Access SendFromPage = new(Roles.Ingest);

    public static readonly Access Read = new(Roles.Read, Roles.Operate, Roles.Admin);
    public static readonly Access Operate = new(Roles.Operate, Roles.Admin);
    public static readonly Access Admin = new(Roles.Admin);

    public bool Allows(ClaimsPrincipal user) => AllowedRoles.Any(user.IsInRole);
}

/// <summary>Marks what people open in a browser, which can ask for a key only if it is told to.</summary>
internal sealed record BrowserPage;

internal static class AccessExtensions
{
    /// <summary>Lets only such callers in, and tells the others what was missing.</summary>
    public static TBuilder Require<TBuilder>(this TBuilder builder, Access access) where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(access).RequireAuthorization(new AuthorizeAttribute { Roles = string.Join(',', access.AllowedRoles) });
}
