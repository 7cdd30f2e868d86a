using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Orleans.Personalize.Gateway.Security;

namespace Orleans.Personalize.Gateway.Api;

/// <summary>What the OpenAPI document says beyond the routes and their records.</summary>
internal static class ApiDescription
{
    private const string Bearer = "bearer";
    private const string Basic = "basic";

    public static void Configure(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Orleans.Personalize";
            document.Info.Version = "v1";
            document.Info.Description = "Events in, customers' live profiles and decisions out. Errors are problem details (RFC 9457).";
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [Bearer] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = Bearer, Description = "An API key." },
                [Basic] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http, Scheme = Basic, Description = "An API key as the user, without a password, as Segment's clients send it.",
                },
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<Access>().FirstOrDefault() is not { } access)
                return Task.CompletedTask;
            operation.Description = $"{operation.Description} Roles: {string.Join(", ", access.AllowedRoles)}.".TrimStart();
            operation.Security =
            [
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] },
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Basic, context.Document)] = [] },
            ];
            foreach (var (status, meaning) in (ReadOnlySpan<(string, string)>)[("401", "No valid key"), ("403", "The key's role does not allow it")])
                operation.Responses!.TryAdd(status, new OpenApiResponse { Description = meaning });
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            // Raw JSON: any value.
            if (context.JsonTypeInfo.Type == typeof(RawJson))
            {
                schema.Type = null;
                schema.Properties?.Clear();
            }

            return Task.CompletedTask;
        });
    }

    /// <summary>Names the errors that an endpoint answers with besides 401 and 403.</summary>
    public static RouteHandlerBuilder ProducesProblems(this RouteHandlerBuilder builder, params ReadOnlySpan<int> statuses)
    {
        foreach (var status in statuses)
            builder.ProducesProblem(status);
        return builder;
    }
}
