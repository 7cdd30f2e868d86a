using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Token">What the link of the first start has behind <c>#login=</c>.</param>
internal sealed record LoginRequest(string Token);

/// <param name="Key">The first admin key.</param>
internal sealed record LoginResponse(string Key);

/// <summary>What the link of the first start is exchanged for.</summary>
internal static class LoginApi
{
    public static void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1/login", LoginAsync)
        .WithTags("Keys")
        .WithSummary("The first admin key for the token of the link that the first start printed, once and within 15 minutes")
        .Accepts<LoginRequest>("application/json")
        .Produces<LoginResponse>()
        .ProducesProblems(400, 410, 413, 415)
        .AllowAnonymous();

    private static async Task<IResult> LoginAsync(HttpContext http, LoginLink link, KeyRing ring)
    {
        var (error, members) = await RequestMembers.ReadAsync(http.Request, ("token", JsonValueKind.String));
        if (error is not null)
            return Problems.Invalid("The request is not valid.", error);
        if ((string?)members["token"] is not { Length: > 0 } token)
            return Problems.Invalid("The request is not valid.", new DocumentError("/token", "is required"));
        http.Response.Headers.CacheControl = "no-store";
        if (link.Take(token) is not { } key)
        {
            return Problems.Of(
                StatusCodes.Status410Gone,
                $"This link has been used, or is older than {LoginLink.Lifetime.TotalMinutes:0} minutes, or the server was restarted. The file admin-key in the data directory has the key.");
        }
        // It was stored a moment ago, and this process may not have followed yet.
        await ring.RefreshAsync();
        return TypedResults.Ok(new LoginResponse(key));
    }
}
