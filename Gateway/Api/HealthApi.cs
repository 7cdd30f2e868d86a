using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Orleans.Personalize.Gateway.Api;

/// <param name="Status">healthy, degraded or unhealthy.</param>
/// <param name="Checks">By name, with what is wrong where something is.</param>
internal sealed record HealthResponse(string Status, Dictionary<string, string> Checks);

/// <summary>For whoever restarts and routes: is the process alive, and may it be sent requests.</summary>
internal static class HealthApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health").AllowAnonymous();
        health.MapGet("/live", () => TypedResults.Ok(new HealthResponse("healthy", [])))
            .WithSummary("The process answers");
        health.MapGet("/ready", ReadyAsync)
            .WithSummary("Everything that requests need is there")
            .Produces<HealthResponse>()
            .Produces<HealthResponse>(StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<IResult> ReadyAsync(HealthCheckService checks, CancellationToken cancellation)
    {
        var report = await checks.CheckHealthAsync(cancellation);
        var response = new HealthResponse(
            Name(report.Status),
            report.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Description ?? Name(entry.Value.Status)));
        return TypedResults.Json(
            response,
            ApiJson.Default.HealthResponse,
            statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    private static string Name(HealthStatus status) => status.ToString().ToLowerInvariant();
}
