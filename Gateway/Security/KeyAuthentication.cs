using System.Net.Http.Headers;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Personalize.Gateway.Api;

namespace Orleans.Personalize.Gateway.Security;

/// <summary>
/// Knows a caller by the API key in <c>Authorization: Bearer key</c> or, as Segment's clients send it, <c>Authorization: Basic</c> with the
/// key as the user and an empty password (RFC 7617).
/// </summary>
internal sealed class KeyAuthentication(
    KeyRing keys, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
        KeyOf(Request.Headers.Authorization) is not { } key ? AuthenticateResult.NoResult()
        : keys.Find(key) is not { } caller ? AuthenticateResult.Fail("The API key is unknown.")
        : AuthenticateResult.Success(new AuthenticationTicket(caller, SchemeName)));

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (!keys.IsLoaded)
            return Problems.TryLater(StatusCodes.Status503ServiceUnavailable, "The API keys are not loaded yet.").ExecuteAsync(Context);
        var scheme = Context.GetEndpoint()?.Metadata.GetMetadata<BrowserPage>() is null ? "Bearer" : "Basic";
        Response.Headers.WWWAuthenticate = $"{scheme} realm=\"personalize\"";
        return Problems.Of(StatusCodes.Status401Unauthorized, "A valid API key is needed, as 'Authorization: Bearer <key>'.").ExecuteAsync(Context);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var needed = Context.GetEndpoint()?.Metadata.GetMetadata<Access>()?.AllowedRoles ?? [];
        return Problems
            .Of(StatusCodes.Status403Forbidden, $"This needs a key with the role {string.Join(" or ", needed)}; this key's role is {Context.User.Role()}.")
            .ExecuteAsync(Context);
    }

    internal static string? KeyOf(string? header)
    {
        if (!AuthenticationHeaderValue.TryParse(header, out var value) || value.Parameter is not { Length: > 0 } parameter)
            return null;
        if (value.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
            return parameter;
        if (!value.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
            return null;

        Span<byte> credentials = stackalloc byte[1024];
        return Convert.TryFromBase64String(parameter, credentials, out var written)
            ? Encoding.UTF8.GetString(credentials[..written]).Split(':', 2)[0]
            : null;
    }
}
